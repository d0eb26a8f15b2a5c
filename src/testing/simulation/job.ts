/**
 * Simulated jobs: a topology drawn from a seed, from the functions of `functions.ts`, with the real planner: a chain, or
 * a web of streams that fork and flow together again. Every job is one whose output is determined: a second exchange
 * refines the first key.
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
import { type FunctionName, declared, keyedNames, modulePath, names, refOf } from './functions.js'
import { type Keeping, drawKeeping } from './keeping.js'
import { firstVersion, sourceOf } from './versions.js'

export interface Job {
  readonly plan: Plan
  readonly topology: Topology
  /** Number of an operator in `fate`, by its id: its place among the Python nodes of the plan. */
  readonly operators: ReadonlyMap<string, number>
  /** For each sink: columns of the last exchange above it; null where rows keep the order of the source. */
  readonly order: ReadonlyMap<string, readonly string[] | null>
  readonly timeoutMs: number
  readonly keeping: Keeping
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
  /** Sources above it. */
  readonly sources: ReadonlySet<string>
  /** Rows of `at_end` are in it, whose order is that of lanes. */
  readonly ends: boolean
  /** How many rows it has for one of a source, at most about. */
  readonly weight: number
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
    private readonly kept: { readonly keeping: Keeping; readonly chance: Chance },
  ) {}

  source(): Stream {
    const id = `source-${this.nodes.length}`
    this.nodes.push({ kind: 'source', id, place, connector: csv, schema: sourceSchema })
    const sources = new Set([id])
    return { from: { node: id }, schema: sourceSchema, key: null, exchanged: null, sources, ends: false, weight: 1 }
  }

  union(inputs: readonly Stream[]): Stream {
    const [first] = inputs
    if (first === undefined || inputs.length === 1) return first ?? this.source()
    const schema = first.schema.filter(([name]) => inputs.every(i => i.schema.some(([known]) => known === name)))
    const from = inputs.map(i => (i.schema.length === schema.length ? i.from : this.project(i, schema)))
    const id = `union-${this.nodes.length}`
    this.nodes.push({ kind: 'union', id, place, inputs: from, schema })
    this.reads(inputs)
    const sources = new Set(inputs.flatMap(i => [...i.sources]))
    const shared = inputs.reduce((n, i) => n + i.sources.size, 0) > sources.size
    const ends = inputs.some(i => i.ends)
    return {
      from: { node: id },
      schema,
      key: null,
      // Branches of one source come in the order of the source, even behind exchanges.
      exchanged: shared && !ends ? null : finest(inputs),
      sources,
      ends,
      weight: inputs.reduce((n, i) => n + i.weight, 0),
    }
  }

  /** These columns of it: a union has the same ones on all sides. */
  private project(stream: Stream, schema: SchemaJson): Edge {
    const id = `select-${this.nodes.length}`
    const columns = schema.map(([name]) => ({ from: name, to: name }))
    this.nodes.push({ kind: 'select', id, place, input: stream.from, columns, schema })
    return { node: id }
  }

  /** Streams that nothing reads. */
  unread(streams: readonly Stream[]): readonly Stream[] {
    return streams.filter(s => !this.readers.has(outputOf(s)))
  }

  private reads(streams: readonly Stream[]): void {
    for (const stream of streams) this.readers.add(outputOf(stream))
  }

  keyBy(stream: Stream, columns: readonly string[]): Stream {
    const nullKeys: KeyNode['nullKeys'] = this.chance.pick(['dead-letter', 'group', 'drop'])
    const id = `key-${this.nodes.length}`
    this.reads([stream])
    this.nodes.push({ kind: 'key', id, place, input: stream.from, columns, nullKeys, schema: stream.schema })
    return { ...stream, from: { node: id }, key: columns }
  }

  select(stream: Stream): Stream {
    const kept = stream.schema.filter(([name]) => name !== 'pad').toReversed()
    const columns = kept.map(([from]) => ({ from, to: from === 'text' ? 'words' : from }))
    const schema = kept.map(([name, type]) => [name === 'text' ? 'words' : name, type] as const)
    if (new Set(schema.map(([name]) => name)).size < schema.length) return stream
    const id = `select-${this.nodes.length}`
    this.reads([stream])
    this.nodes.push({ kind: 'select', id, place, input: stream.from, columns, schema })
    return { ...stream, from: { node: id }, schema }
  }

  /** Applies a function; answers its main output and those of its side outputs that somebody should read. */
  apply(stream: Stream, drawn: FunctionName): readonly [Stream, ...Stream[]] {
    const { keeping } = this.kept
    const name = this.standIn(stream, drawn)
    const fn = refOf(name, this.timeoutMs, { keeping })
    const id = `${name}-${this.operators.size}`
    this.operators.set(id, this.operators.size)
    const schema = schemaToJson(withFields(schemaFromJson(stream.schema), schemaFromJson(fn.outputs)))
    const node: PythonNode = { kind: 'python', id, place, input: stream.from, fn, schema }
    this.nodes.push(node)
    const exchanged = fn.keyed ? stream.key : stream.exchanged
    this.reads([stream])
    const weight = spreads.has(drawn) ? 2 * stream.weight : stream.weight
    const main = { ...stream, from: { node: id }, schema, exchanged, weight }
    const sides = Object.keys(declared[drawn].side).filter(() => this.chance.happens(0.7))
    const read = sides.map((output): Stream => {
      const ends = stream.ends || output === 'totals'
      return { ...stream, from: { node: id, output }, schema: fn.side[output] ?? [], key: null, exchanged, ends }
    })
    const own = fn.atEnd && sides.length === 0 && name !== drawn
    if (own) this.sink({ ...main, from: { node: id, output: 'totals' }, key: null, ends: true })
    return [main, ...read]
  }

  /** A keyed function that keeps lists and maps, in the place of the one that was drawn. */
  private standIn(stream: Stream, drawn: FunctionName): FunctionName {
    const { chance, keeping } = this.kept
    if (!keyedNames.includes(drawn) || !chance.happens(keeping.share)) return drawn
    const name = drawn === 'tally' ? 'notes' : 'ledger'
    const has = new Set(stream.schema.map(([column]) => column))
    return declared[name].inputs.every(([column]) => has.has(column)) ? name : drawn
  }

  sink(stream: Stream): void {
    const id = `sink-${this.nodes.length}`
    const made = { module: 'simulated', name: 'sink', options: null, delivery: 'exactly-once' } as const
    this.nodes.push({ kind: 'sink', id, place, input: stream.from, connector: { kind: 'custom', ...made } })
    this.order.set(id, stream.exchanged)
    this.reads([stream])
  }
}

const outputOf = (stream: Stream): string => `${stream.from.node} ${stream.from.output ?? ''}`

/** The key that refines those of all streams. */
function finest(streams: readonly Stream[]): readonly string[] | null {
  const columns = new Set(streams.flatMap(s => s.exchanged ?? []))
  return columns.size === 0 ? null : [...columns]
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
    const [main, ...sides] = drawer.apply(stream, name)
    stream = main
    for (const side of sides) drawer.sink(odd(side) && chance.happens(0.3) ? drawer.apply(side, 'label')[0] : side)
    if (chance.happens(0.15)) drawer.sink(stream)
    if (chance.happens(0.15)) stream = drawer.select(stream)
  }
  return stream
}

const odd = (stream: Stream): boolean => stream.from.output === 'odd'

/** Rows that one row of a source may become at most: else one seed takes minutes. */
const weightMax = 6

/** A web: streams fork, are worked on apart, and flow together again in any order. */
function web(drawer: JobDrawer, chance: Chance, sources: readonly [Stream, ...Stream[]]): void {
  const streams: [Stream, ...Stream[]] = [...sources]
  const count = chance.between(2, 8)
  for (let i = 0; i < count; i += 1) {
    const stream = chance.pick(streams)
    if (chance.happens(0.45)) {
      const others = Array.from({ length: chance.pick([1, 1, 2]) }, () => chance.pick(streams))
      if ([stream, ...others].reduce((n, s) => n + s.weight, 0) > weightMax) continue
      streams.push(drawer.union([stream, ...others]))
    } else streams.push(...work(drawer, chance, stream))
  }
  for (const stream of drawer.unread(streams)) drawer.sink(stream)
}

/** One function that the stream has the columns for, with the key that it needs; none where there is no such function. */
function work(drawer: JobDrawer, chance: Chance, stream: Stream): readonly Stream[] {
  const has = new Set(stream.schema.map(([name]) => name))
  const [first, ...rest] = names.filter(
    name =>
      declared[name].inputs.every(([column]) => has.has(column)) &&
      !(spreads.has(name) && stream.weight * 2 > weightMax),
  )
  if (first === undefined || stream.ends) return []
  const name = chance.pick([first, ...rest])
  if (!keyedNames.includes(name)) return drawer.apply(chance.happens(0.1) ? drawer.select(stream) : stream, name)
  const fine = stream.exchanged?.includes('g') === true || chance.happens(0.2)
  return drawer.apply(stream.key === null ? drawer.keyBy(stream, fine ? ['k', 'g'] : ['k']) : stream, name)
}

/**
 * @param keeps draws what keeps lists, maps and values that expire: by a stream of its own, so that the rest stays as it is
 * @param expires whether some of that may
 */
export function drawJob(chance: Chance, keeps: Chance, expires = true): Job {
  const timeoutMs = chance.pick([1_500, 3_000, 6_000])
  const keeping = drawKeeping(keeps, expires)
  const drawer = new JobDrawer(chance, timeoutMs, { keeping, chance: keeps })
  const sources = Array.from({ length: chance.pick([0, 0, 0, 1, 2]) }, () => drawer.source())
  const first = drawer.source()
  if (chance.happens(0.4)) web(drawer, chance, [first, ...sources])
  else drawer.sink(steps(drawer, chance, drawer.union([first, ...sources])))
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
      stateBytesMax: 2 ** 20,
      epochMs: null,
      stateBudgetBytes: null,
      restart: null,
    },
    nodes: drawer.nodes,
    modules: [{ path: modulePath, source: sourceOf(firstVersion), types: '/simulated/transforms.anabranch.ts' }],
    folder: '/simulated',
  }
  return { plan, topology: stagesOf(plan), operators: drawer.operators, order: drawer.order, timeoutMs, keeping }
}
