/**
 * The nodes of a plan: frozen data, one a thing that the user wrote, in the order of writing. This is also the
 * portable JSON (`planVersion`): no functions, no classes, nothing that another host could not read.
 */
import { type SchemaJson } from '../schema/index.js'

export const planVersion = 3

/** Where a node's rows come from: the main output of a node, or a side output of it by name. */
export interface Edge {
  readonly node: string
  readonly output?: string
}

/** A Python function as its types file declares it. */
export interface FunctionRef {
  /** Absolute path of the module's file. */
  readonly module: string
  /** Name in Python. */
  readonly name: string
  readonly kind: 'transform' | 'filter' | 'flat_map'
  readonly keyed: boolean
  readonly mode: 'batch' | 'key' | 'row'
  readonly inputs: SchemaJson
  /** Added columns (transform, keyed), whole rows beside the parent (flat_map), empty (filter). */
  readonly outputs: SchemaJson
  readonly state: SchemaJson
  readonly side: Readonly<Record<string, SchemaJson>>
  readonly atEnd: boolean
  readonly timeoutMs: number
  /** Batches leave it as they are answered; left out: in their order. */
  readonly unordered?: boolean
  /** SHA-256 of what is declared, hex; the handshake compares it. */
  readonly declared: string
  /** It is no function of the module, but a contract of it that rows are held against. */
  readonly check?: CheckRef
}

/** A Python function that makes the state of an operator, as it was stored, what the operator declares now. */
export interface MigrationRef {
  /** Name in Python. */
  readonly name: string
  /** Id of the operator. */
  readonly operator: string
  /** The state columns that were stored. */
  readonly from: SchemaJson
  /** SHA-256 of what is declared, hex; the handshake compares it. */
  readonly declared: string
}

/** What a check does with rows that break a rule. */
export interface CheckRef {
  readonly onFail: 'dead-letter' | 'flag' | 'stop'
  /** The column that `flag` adds. */
  readonly column: string
  /** The job stops when more than this part of the rows breaks a rule; null: no limit of its own. */
  readonly maxRatio: number | null
  readonly rules: readonly RuleJson[]
}
/** One rule of a contract; `text` says what it demands. */
export interface RuleJson {
  readonly kind: string
  readonly columns: readonly string[]
  readonly arguments: { readonly [name: string]: ParamValue }
  readonly text: string
}

/** Code of the user's own, as data: an export of a module, and what it is told. */
export interface CustomConnector {
  /** Absolute path of the module's file. */
  readonly module: string
  readonly name: string
  readonly options: ParamValue
}

/** How CSV is written down; each of `delimiter` and `quote` is one ASCII character. */
export interface CsvDialect {
  readonly header: boolean
  readonly delimiter: string
  readonly quote: string
  readonly nullValue: string
}

/** How blocks of Avro are packed. */
export type AvroCodec = 'null' | 'deflate'

export type FormatNode =
  | { readonly kind: 'json'; readonly schema: SchemaJson }
  | ({ readonly kind: 'csv'; readonly schema: SchemaJson } & CsvDialect)
  | { readonly kind: 'avro'; readonly schema: SchemaJson }
  | { readonly kind: 'parquet'; readonly schema: SchemaJson }
  | { readonly kind: 'arrow'; readonly schema: SchemaJson }
  | { readonly kind: 'text' }
  /** A decoder of the user's own. */
  | (CustomConnector & { readonly kind: 'custom'; readonly schema: SchemaJson })
  /** No bytes: a source of the user's own gives rows. */
  | { readonly kind: 'rows'; readonly schema: SchemaJson }

export type SinkFormatNode =
  | { readonly kind: 'json' }
  | ({ readonly kind: 'csv' } & CsvDialect)
  | { readonly kind: 'avro'; readonly codec: AvroCodec }
  | { readonly kind: 'parquet' }
  | { readonly kind: 'arrow' }
  /** An encoder of the user's own; files end in `.extension`. */
  | (CustomConnector & { readonly kind: 'custom'; readonly extension: string })

/** Tables are read and written by a process of ours; the other formats are bytes in order. */
export const isTable = <F extends FormatNode | SinkFormatNode>(
  format: F,
): format is F & { readonly kind: 'parquet' | 'arrow' } => format.kind === 'parquet' || format.kind === 'arrow'

export type SourceConnector =
  | { readonly kind: 'files'; readonly glob: string; readonly format: FormatNode }
  /** Files that are followed while they grow. */
  | { readonly kind: 'tail'; readonly glob: string; readonly format: FormatNode; readonly onLost: OnLost }
  | { readonly kind: 'socket'; readonly address: string; readonly format: FormatNode }
  /** A source of the user's own. */
  | (CustomConnector & {
      readonly kind: 'custom'
      readonly format: FormatNode
      readonly bounded: boolean
      /** Its positions can be read again after a crash. */
      readonly replayable: boolean
    })

/** When a file is closed and made visible: by bytes or by age, whichever comes first. */
export interface RollPolicy {
  /** Default 128 MiB. */
  readonly bytes: number
  /** Default 60 s. */
  readonly ms: number
}
/** What a run does that goes on without a file that it followed and had not read to its end: refuse, or read what is there. */
export type OnLost = 'fail' | 'earliest'

/** What a sink shows of an epoch: its rows once, whatever dies; or at once, and perhaps again after a crash. */
export type Delivery = 'exactly-once' | 'at-least-once'

/** A table of PostgreSQL. */
export interface PostgresConnector {
  readonly kind: 'postgres'
  /** The environment variable that holds the address. */
  readonly env: string
  readonly table: string
  readonly key: readonly string[]
  readonly delivery: Delivery
}

/** A `@sink` of Python: it is called with the rows of an epoch and a key of theirs. */
export interface PythonSinkConnector {
  readonly kind: 'python'
  /** Absolute path of the module's file. */
  readonly module: string
  /** Name in Python. */
  readonly name: string
  /** The columns that it gets. */
  readonly inputs: SchemaJson
  readonly timeoutMs: number
  /** SHA-256 of what is declared, hex; the handshake compares it. */
  readonly declared: string
}

export type SinkConnector =
  | PostgresConnector
  | PythonSinkConnector
  | {
      readonly kind: 'files'
      readonly path: string
      readonly format: SinkFormatNode
      readonly roll: RollPolicy
      readonly delivery: Delivery
      /** Columns whose values name the folders that rows go to. */
      readonly partitionBy: readonly string[]
    }
  | { readonly kind: 'socket'; readonly address: string }
  /** A sink of the user's own. */
  | (CustomConnector & {
      readonly kind: 'custom'
      /** Whether rows of a run that failed can be seen: never, or perhaps. */
      readonly delivery: Delivery
    })
  /** Counts rows and adds up a checksum: for benchmarks. */
  | { readonly kind: 'null'; readonly checksum: string | null }

interface Placed {
  /** Unique in the plan; state, dead letters and metrics go by it. */
  readonly id: string
  /** `job.ts:18` where known. */
  readonly place: string
}
export interface SourceNode extends Placed {
  readonly kind: 'source'
  readonly connector: SourceConnector
  readonly schema: SchemaJson
}
export interface PythonNode extends Placed {
  readonly kind: 'python'
  readonly input: Edge
  readonly fn: FunctionRef
  /** Schema of the main output. */
  readonly schema: SchemaJson
}
export interface KeyNode extends Placed {
  readonly kind: 'key'
  readonly input: Edge
  readonly columns: readonly string[]
  readonly nullKeys: 'dead-letter' | 'group' | 'drop'
  readonly schema: SchemaJson
}
export interface SelectNode extends Placed {
  readonly kind: 'select'
  readonly input: Edge
  /** `from` is the column's name before, `to` after. */
  readonly columns: readonly { readonly from: string; readonly to: string }[]
  readonly schema: SchemaJson
}
export interface UnionNode extends Placed {
  readonly kind: 'union'
  readonly inputs: readonly Edge[]
  readonly schema: SchemaJson
}
export interface SinkNode extends Placed {
  readonly kind: 'sink'
  readonly input: Edge
  readonly connector: SinkConnector
}
export type PlanNode = SourceNode | PythonNode | KeyNode | SelectNode | UnionNode | SinkNode

export type ParamValue =
  | string
  | number
  | boolean
  | null
  | readonly ParamValue[]
  | { readonly [key: string]: ParamValue }

export interface PlanOptions {
  /** Most dead rows before the job stops; null: the default of DESIGN 11 (500 of the last 10,000 rows entering one operator). */
  readonly maxDead: number | null
  /** Fixed per job; the lanes are ranges of them. Default 128. */
  readonly keyGroups: number
  /** Bytes of address space that one worker may use; null: no limit. */
  readonly workerMemoryBytes: number | null
  /** A worker above this resident size is replaced between batches; null: three quarters of workerMemoryBytes, else 2 GiB. */
  readonly recycleBytes: number | null
  /** How long a lane is held for a service that is away, without one success. Default 600,000. */
  readonly transientMaxMs: number
  /** Bytes of one key's state that may travel to a worker with its rows. */
  readonly stateBytesMax: number
  /** null: no epochs. */
  readonly epochMs: number | null
  /** Bytes of memory for keys and state; null: no limit. */
  readonly stateBudgetBytes: number | null
  /** What becomes of the job when it fails; null: it stays failed. */
  readonly restart: RestartPolicy | null
}

/** As Flink's strategies of the same names (see `restart.ts`). */
export type RestartPolicy =
  | { readonly policy: 'fixed-delay'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly policy: 'exponential-delay'
      readonly initialBackoffMs: number
      readonly maxBackoffMs: number
      readonly backoffMultiplier: number
      readonly resetBackoffThresholdMs: number
      readonly jitterFactor: number
      /** Null: no limit. */
      readonly attempts: number | null
    }
  | {
      readonly policy: 'failure-rate'
      readonly maxFailuresPerInterval: number
      readonly failureRateIntervalMs: number
      readonly delayMs: number
    }

export interface PlanModule {
  readonly path: string
  readonly source: string
  readonly types: string
  /** Where there are some. */
  readonly migrations?: readonly MigrationRef[]
}

export interface Plan {
  readonly version: typeof planVersion
  readonly job: string
  readonly params: Readonly<Record<string, ParamValue>>
  readonly options: PlanOptions
  readonly nodes: readonly PlanNode[]
  /** The modules with the SHA-256 of their source that the types file carries. */
  readonly modules: readonly PlanModule[]
  /** Absolute folder of the job file; input paths are relative to it. */
  readonly folder: string
}
