/** The smallest job around some transforms: a source, a key, the transforms in a row, and a sink for each output. */
import {
  type Plan,
  type FunctionRef,
  type KeyNode,
  type PlanNode,
  type Topology,
  planVersion,
  stagesOf,
} from '../../src/plan/index.js'
import { type SchemaJson, schemaFromJson, schemaToJson, withFields } from '../../src/schema/index.js'

export interface Around {
  readonly source: SchemaJson
  /** Keyed transforms have this column as their key. */
  readonly key: string
  readonly nullKeys: KeyNode['nullKeys']
  /** Its sinks take rows and hold none. */
  readonly intoNull?: boolean
}

/** The main sink is the first one, those of the side outputs follow in the order of the transforms. */
export function topologyOf(
  functions: readonly FunctionRef[],
  { source, key, nullKeys, intoNull = false }: Around,
): Topology {
  const place = 'job.ts:1'
  const connector = { kind: 'files', glob: '*.jsonl', format: { kind: 'json', schema: source } } as const
  const roll = { bytes: 2 ** 27, ms: 60_000 }
  const written = { format: { kind: 'json' }, roll, delivery: 'exactly-once', partitionBy: [] } as const
  const sink = intoNull
    ? ({ kind: 'null', checksum: null } as const)
    : ({ kind: 'files', path: 'rows/', ...written } as const)
  const nodes: PlanNode[] = [
    { kind: 'source', id: 'source', place, connector, schema: source },
    { kind: 'key', id: 'key', place, input: { node: 'source' }, columns: [key], nullKeys, schema: source },
  ]
  const sides: PlanNode[] = []
  let schema = source
  let node = 'key'
  for (const fn of functions) {
    schema = schemaToJson(withFields(schemaFromJson(schema), schemaFromJson(fn.outputs)))
    nodes.push({ kind: 'python', id: fn.name, place, input: { node }, fn, schema })
    node = fn.name
    for (const output of Object.keys(fn.side))
      sides.push({ kind: 'sink', id: `${node}-${output}`, place, input: { node, output }, connector: sink })
  }
  nodes.push({ kind: 'sink', id: 'main', place, input: { node }, connector: sink }, ...sides)
  const options = plainOptions(128)
  return stagesOf({ version: planVersion, job: 'test', params: {}, options, nodes, modules: [], folder: '/test' })
}

/** Of a job that sets none. */
export const plainOptions = (keyGroups: number): Plan['options'] => ({
  maxDead: null,
  keyGroups,
  workerMemoryBytes: null,
  recycleBytes: null,
  transientMaxMs: 60_000,
  stateBytesMax: 2 ** 20,
  epochMs: null,
  stateBudgetBytes: null,
  restart: null,
})
