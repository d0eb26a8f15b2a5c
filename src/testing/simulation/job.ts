/**
 * Simulated jobs: a topology drawn from a seed, from the functions of `functions.ts`, with the real planner. Every job
 * is one whose output is determined: a second exchange refines the first key, and inputs of a union share no source.
 */
import {
  type Edge,
  type KeyNode,
  type Plan,
  type PlanNode,
  type PythonNode,
  type Topology,
  stagesOf,
  planVersion,
} from '../../plan/index.js'
import { type SchemaJson, schemaFromJson, schemaToJson, withFields } from '../../schema/index.js'
import { type Chance } from './chance.js'
import { type FunctionName, keyedNames, names, refOf } from './functions.js'

export interface Job {
  readonly topology: Topology
  /** Number of an operator in `fate`, by its id: its place among the Python nodes of the plan. */
  readonly operators: ReadonlyMap<string, number>
  /** For each sink: columns of the last exchange above it; null where rows keep the order of the source. */
  readonly order: ReadonlyMap<string, readonly string[] | null>
  readonly timeoutMs: number
}

export const sourceSchema: SchemaJson = [
  ['id', 'int64'],
  ['k', 'utf8'],
  ['g', 'int32'],
  ['v', 'float64'],
  ['fate', 'int32'],
  ['pad', 'utf8'],
]

/** A stream under construction. */
interface Stream {
  readonly from: Edge
  readonly schema: SchemaJson
  readonly key: readonly string[] | null
  /** Key of the last exchange. */
  readonly exchanged: readonly string[] | null
}

const csv = { kind: 'files', glob: '*.jsonl', format: { kind: 'json', schema: sourceSchema } } as const
const place = 'job.ts:1'

class JobDrawer {
  readonly nodes: PlanNode[] = []
  readonly order = new Map<string, readonly string[] | null>()
  readonly operators = new Map<string, number>()
  private readonly readers = new Set<string>()

  constructor(
    private readonly chance: Chance,
    private readonly timeoutMs: number,
  ) {}

  source(): Stream {
    const id = `source-${this.nodes.length}`
    this.nodes.push({ kind: 'source', id, place, connector: csv, schema: sourceSchema })
    return { from: { node: id }, schema: sourceSchema, key: null, exchanged: null }
  }

  union(inputs: readonly Stream[]): Stream {
    const [first] = inputs
    if (first === undefined || inputs.length === 1) return first ?? this.source()
    const id = `union-${this.nodes.length}`
    this.nodes.push({ kind: 'union', id, place, inputs: inputs.map(i => i.from), schema: first.schema })
    return { ...first, from: { node: id } }
  }

  keyBy(stream: Stream, columns: readonly string[]): Stream {
    const nullKeys: KeyNode['nullKeys'] = this.chance.pick(['dead-letter', 'group', 'drop'])
    const id = `key-${this.nodes.length}`
    this.nodes.push({ kind: 'key', id, place, input: stream.from, columns, nullKeys, schema: stream.schema })
    return { ...stream, from: { node: id }, key: columns }
  }

  select(stream: Stream): Stream {
    const kept = stream.schema.filter(([name]) => name !== 'pad').toReversed()
    const columns = kept.map(([from]) => ({ from, to: from === 'text' ? 'words' : from }))
    const schema = kept.map(([name, type]) => [name === 'text' ? 'words' : name, type] as const)
    if (new Set(schema.map(([name]) => name)).size < schema.length) return stream
    const id = `select-${this.nodes.length}`
    this.nodes.push({ kind: 'select', id, place, input: stream.from, columns, schema })
    return { ...stream, from: { node: id }, schema }
  }

  apply(stream: Stream, name: FunctionName): Stream {
    const fn = refOf(name, this.timeoutMs)
    const id = `${name}-${this.operators.size}`
    this.operators.set(id, this.operators.size)
    const schema = schemaToJson(withFields(schemaFromJson(stream.schema), schemaFromJson(fn.outputs)))
    const node: PythonNode = { kind: 'python', id, place, input: stream.from, fn, schema }
    this.nodes.push(node)
    const exchanged = fn.keyed ? stream.key : stream.exchanged
    this.sides(node, { ...stream, exchanged })
    return { ...stream, from: { node: id }, schema, exchanged }
  }

  private sides(node: PythonNode, stream: Stream): void {
    for (const [output, schema] of Object.entries(node.fn.side)) {
      if (!this.chance.happens(0.7)) continue
      const side: Stream = { ...stream, from: { node: node.id, output }, schema, key: null }
      const worked = output === 'odd' && this.chance.happens(0.3) ? this.apply(side, 'label') : side
      this.sink(worked)
    }
  }

  sink(stream: Stream): void {
    const id = `sink-${this.nodes.length}`
    this.nodes.push({ kind: 'sink', id, place, input: stream.from, connector: { kind: 'null', checksum: null } })
    this.order.set(id, stream.exchanged)
    this.readers.add(stream.from.node)
  }
}

const spreads: ReadonlySet<string> = new Set(['spread', 'pairs'])

/** Steps of a job: mostly short chains; a key where the first keyed operator needs one. */
function steps(drawer: JobDrawer, chance: Chance, start: Stream): Stream {
  let stream = start
  let fan = 0
  const count = chance.pick([1, 1, 2, 2, 3, 4, 5])
  for (let i = 0; i < count; i += 1) {
    let name = chance.pick(names)
    if (spreads.has(name)) fan += 1
    if (spreads.has(name) && fan > 2) name = 'scale'
    const keyed = keyedNames.includes(name)
    if (keyed && stream.key === null) stream = drawer.keyBy(stream, chance.happens(0.8) ? ['k'] : ['k', 'g'])
    else if (keyed && stream.key?.length === 1 && chance.happens(0.2)) stream = drawer.keyBy(stream, ['k', 'g'])
    stream = drawer.apply(stream, name)
    if (chance.happens(0.15)) drawer.sink(stream)
    if (chance.happens(0.15)) stream = drawer.select(stream)
  }
  return stream
}

export function drawJob(chance: Chance): Job {
  const timeoutMs = chance.pick([1_500, 3_000, 6_000])
  const drawer = new JobDrawer(chance, timeoutMs)
  const sources = Array.from({ length: chance.pick([1, 1, 1, 2, 3]) }, () => drawer.source())
  const stream = steps(drawer, chance, drawer.union(sources))
  drawer.sink(stream)
  const plan: Plan = {
    version: planVersion,
    job: 'simulated',
    params: {},
    options: {
      maxDead: null,
      keyGroups: 128,
      workerMemoryBytes: null,
      recycleBytes: null,
      transientMaxMs: 600_000,
    },
    nodes: drawer.nodes,
    modules: [],
    folder: '/simulated',
  }
  return { topology: stagesOf(plan), operators: drawer.operators, order: drawer.order, timeoutMs }
}
