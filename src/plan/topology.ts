/**
 * Topology: the physical plan. What the runtime wires together, as data: sources, stages (one worker call each),
 * native selects and unions, sinks; and which output of which vertex feeds which.
 *
 * Schemas here are what really flows: a Parquet source reads only the columns that somebody needs, so the schema
 * of a vertex may have fewer columns than the node of the plan that it stands for. Key nodes are not vertices:
 * an exchange stands in front of a stage that has a `key`.
 */
import { type Schema, type SchemaJson } from '../schema/index.js'
import { type CheckRef, type FunctionRef, type KeyNode, type SinkConnector, type SourceConnector } from './nodes.js'

/** One input of a vertex. */
export interface VertexInput {
  /** Index in `Topology.vertices`, always lower than the vertex that reads it. */
  readonly vertex: number
  /** null: the main output. Otherwise a side output of a stage. */
  readonly side: SideRef | null
}
export interface SideRef {
  /** Index of the operator in its stage. */
  readonly operator: number
  /** Number of the output in frames: 1.. in declared order. */
  readonly output: number
  readonly name: string
}

export interface SourceVertex {
  readonly kind: 'source'
  readonly id: string
  readonly inputs: readonly []
  readonly connector: SourceConnector
  /** What it gives. Parquet: the needed columns only (at least one), in declared order. Others: all declared columns. */
  readonly schema: Schema
}

/** One Python function in a stage. */
export interface StageOperator {
  /** Id of its node. */
  readonly id: string
  /** `job.ts:18` where known. */
  readonly place: string
  readonly fn: FunctionRef
  readonly sides: readonly SideOutput[]
}
export interface SideOutput {
  /** 1.. in declared order. */
  readonly output: number
  readonly name: string
  /** Exactly the declared columns; nothing of the input row is joined to them. */
  readonly schema: Schema
  /** Some vertex reads it; rows of an output that nobody reads are dropped. */
  readonly consumed: boolean
}

export interface StageKey {
  readonly columns: readonly string[]
  readonly nullKeys: KeyNode['nullKeys']
}

/** Chained Python operators between two exchanges: one worker call. */
export interface StageVertex {
  readonly kind: 'stage'
  /** The ids of its operators, joined by `+`. */
  readonly id: string
  readonly inputs: readonly [VertexInput]
  /** Number in OPEN and in envelopes: 0, 1, ... */
  readonly number: number
  readonly operators: readonly StageOperator[]
  /** Not null exactly where an operator is keyed: rows are routed by these columns of `input` first. */
  readonly key: StageKey | null
  /** What comes in. */
  readonly input: Schema
  /** Columns of `input` that travel to the worker. May be empty: then only the number of rows travels. */
  readonly shipped: Schema
  /** Columns that the chain adds or replaces, in order: OUTPUT 0 of the reply. */
  readonly output: Schema
  /** Main output: `input` with `output`. */
  readonly schema: Schema
  /** Something reads the main output. */
  readonly consumed: boolean
}

/** Keeps and renames columns, in this order. */
export interface SelectVertex {
  readonly kind: 'select'
  readonly id: string
  readonly inputs: readonly [VertexInput]
  readonly columns: readonly { readonly from: string; readonly to: string }[]
  readonly schema: Schema
}

/** Rows of all inputs; each is projected to `schema` by name (inputs may have more columns, or another order). */
export interface UnionVertex {
  readonly kind: 'union'
  readonly id: string
  readonly inputs: readonly VertexInput[]
  readonly schema: Schema
}

export interface SinkVertex {
  readonly kind: 'sink'
  readonly id: string
  readonly inputs: readonly [VertexInput]
  readonly connector: SinkConnector
  /** What it is given. */
  readonly schema: Schema
}

export type Vertex = SourceVertex | StageVertex | SelectVertex | UnionVertex | SinkVertex

export interface Topology {
  /** Each vertex stands after all that it reads. */
  readonly vertices: readonly Vertex[]
}

/** One stage as OPEN carries it (src/transport/README.md). */
export interface OpenStage {
  readonly id: number
  readonly shipped: SchemaJson
  readonly schemaId: number
  readonly key: readonly string[] | null
  /** Columns of KEYS in END calls; null where the stage has no key. */
  readonly keys: SchemaJson | null
  readonly operators: readonly OpenOperator[]
  readonly output: SchemaJson
}
export interface OpenOperator {
  readonly id: string
  readonly module: string
  readonly function: string
  readonly kind: FunctionRef['kind'] | 'sink'
  readonly mode: FunctionRef['mode']
  readonly keyed: boolean
  readonly inputs: SchemaJson
  readonly outputs: SchemaJson
  readonly state: SchemaJson
  readonly side: Readonly<Record<string, SchemaJson>>
  readonly atEnd: boolean
  readonly declared: string
  readonly check?: CheckRef
  /** The function is a migration: `outputs` are what the operator of this id declares as state. */
  readonly migrates?: true
}

/** Schema ids of the frames of a stage. */
export const schemaIds = {
  shipped: 1,
  output: 2,
  dead: 3,
  keys: 4,
  state: (operator: number): number => 16 + operator,
  /** `output` counts from 1. */
  side: (operator: number, output: number): number => 256 + 16 * operator + output,
  lists: (operator: number): number => 2048 + operator,
  maps: (operator: number): number => 3072 + operator,
} as const
