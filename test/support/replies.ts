/**
 * Real replies: what Python workers answer to calls of the codec, as messages, with what the host makes of them. The
 * transforms are those of replies.py; together their replies have every table that a reply can have.
 */
import { invariant } from '../../src/base/index.js'
import { BufferPool, batchFromRows, rowsOf } from '../../src/batch/index.js'
import { type FunctionRef, openStages } from '../../src/plan/index.js'
import { type Reply, type StageCodec } from '../../src/runtime/flow/codec.js'
import { EpochGate } from '../../src/runtime/flow/gate.js'
import { endOrigin, positionOf } from '../../src/runtime/flow/origin.js'
import { RowOrder } from '../../src/runtime/flow/row-order.js'
import { type Rows, rowCount } from '../../src/runtime/flow/rows.js'
import { Stage } from '../../src/runtime/flow/stage.js'
import { type Call } from '../../src/runtime/flow/ticket.js'
import { type SchemaJson, schemaFromJson } from '../../src/schema/index.js'
import { type CallEnvelope, type TablePart, Message, Table, bytesPart, inlineFrame } from '../../src/transport/index.js'
import { topologyOf } from './topology.js'
import { TestWorker, inWorld, root } from './worker.js'

const source: SchemaJson = [
  ['id', 'int64'],
  ['k', 'utf8'],
]
const common = { module: `${root}test/support/replies.py`, mode: 'batch', timeoutMs: 1_000, declared: '' } as const
const stateless = { ...common, keyed: false, state: [], side: {}, atEnd: false } as const
const id = ['id', 'int64'] as const
const k = ['k', 'utf8'] as const
const functions: Readonly<Record<'plain' | 'several' | 'counted', FunctionRef>> = {
  plain: {
    ...stateless,
    name: 'plain',
    kind: 'transform',
    inputs: [id, k],
    outputs: [
      ['y', 'float64'],
      ['text', 'utf8'],
    ],
  },
  several: {
    ...stateless,
    name: 'several',
    kind: 'flat_map',
    inputs: [id],
    outputs: [
      ['i', 'int32'],
      ['tags', 'list<utf8>'],
    ],
    side: { odd: [id] },
  },
  counted: {
    ...common,
    name: 'counted',
    kind: 'transform',
    keyed: true,
    inputs: [id, k],
    outputs: [['nth', 'int64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['last', 'utf8'],
    ],
    side: { ends: [k, ['n', 'int64']] },
    atEnd: true,
  },
}

export interface Sample {
  readonly codec: StageCodec
  readonly asked: { readonly rows: Rows; readonly call: Call; readonly keys: number }
  readonly call: CallEnvelope
  /** DONE, as it came. */
  readonly message: Uint8Array
  readonly parts: ReadonlyMap<string, readonly string[]>
}

export const sampleNames = [
  'a transform with dead rows',
  'a flat_map with a side output',
  'a keyed transform',
  'at_end',
]

export async function samplesOf(): Promise<ReadonlyMap<string, Sample>> {
  const made: Sample[] = []
  await inWorld(async world => {
    for (const fn of [functions.plain, functions.several, functions.counted]) {
      const topology = topologyOf([fn], { source, key: 'k', nullKeys: 'group' })
      const open = { job: 'test', role: 'user', params: {}, memoryBytes: 0, stages: openStages(topology) }
      const real = { packageFolder: `${root}python`, open, mappingBytes: 0, incarnation: made.length + 1 }
      const worker = await new TestWorker(world, [], real).ready()
      const vertex = topology.vertices.find(v => v.kind === 'stage')
      invariant(vertex !== undefined, 'the job has a stage')
      made.push(
        ...(await answersOf(new Stage(vertex, terms, { ended: () => undefined, nullKeys: () => undefined }), worker)),
      )
      await worker.process.stop(10_000)
    }
  })
  return new Map(made.map((sample, i) => [sampleNames[i] ?? '', sample]))
}

const observer = { count: () => undefined, log: () => undefined }
const order = new RowOrder([0], [0])
const limits = {
  lanes: 1,
  keyGroups: 128,
  rowsMax: 1_000,
  window: 1,
  clock: { wallMs: 0 },
  transientMaxMs: 1_000,
  stateBytesMax: 2 ** 20,
  beyond: null,
  isFirst: true,
}
const terms = { ...limits, gate: new EpochGate(1), inOrder: false, order, memory: new BufferPool(0), observer }

/** The replies to a call with 40 rows of six keys, and to the last call where the stage has one. */
async function answersOf(stage: Stage, worker: TestWorker): Promise<readonly Sample[]> {
  const keys = ['a', 'bb', '', null, 'é', 'f']
  const rows = Array.from({ length: 40 }, (_, i) => ({ id: BigInt(i), k: keys[(i * 5) % 6] ?? null }))
  stage.input.push({ batch: batchFromRows(schemaFromJson(source), rows), origin: { kind: 'run', split: 0, first: 1 } })
  stage.route()
  const piece = stage.next(0)?.todo[0]
  invariant(piece !== undefined, 'rows that were routed are sent')
  const { keyed, codec } = stage
  const grouping = keyed === null || piece.slots === null ? null : keyed.group(piece.slots)
  const asked = { rows: piece.rows, call: { kind: 'rows' }, keys: grouping?.uniq.length ?? 0 } as const
  const first = await sampleOf(codec, worker, asked, codec.call(piece.rows, keyed, grouping).parts)
  if (keyed === null || grouping === null) return [first]
  const ends = keyed.keysOf(grouping.uniq)
  const call: Call = { kind: 'end', operator: 0 }
  const last = { rows: { batch: ends, origin: endOrigin(0) }, call, keys: 0 }
  return [first, await sampleOf(codec, worker, last, codec.end(ends, grouping.uniq, 0, keyed).parts)]
}

async function sampleOf(
  codec: StageCodec,
  worker: TestWorker,
  asked: Sample['asked'],
  parts: readonly TablePart[],
): Promise<Sample> {
  const sequence = worker.told.replies.length + 1
  const kind = asked.call.kind === 'rows' ? Message.call : Message.end
  const call = { kind, lane: 0, sequence, attempt: 1, rows: rowCount(asked.rows), stage: 0 }
  worker.process.call(call, parts)
  await worker.until(() => worker.told.replies.length === sequence || worker.told.lost.length > 0)
  const reply = worker.told.replies[sequence - 1]
  invariant(reply?.kind === Message.done, 'the transforms of replies.py answer')
  const envelope = { ...call, job: reply.job, incarnation: worker.process.incarnation }
  const message = inlineFrame(
    { ...envelope, kind: Message.done },
    reply.tables.map(table => bytesPart(table, table.bytes)),
  )
  return { codec, asked, call: envelope, message, parts: partsOf(codec.reply(reply.tables, asked), asked.call) }
}

/** A reply as texts, one list a table: `output 0`, `parent 0`, `state 0`, `clear 0`, `dead`. */
export function partsOf(reply: Reply, call: Call): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, readonly string[]>()
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v === 0 ? '-0' : v))
  for (const { output, rows } of reply.emissions) {
    const cells = rowsOf(rows.batch)
    // Columns of the input come from the parent, those of the output from the table.
    const given = output === 0 ? source.map(([name]) => name) : []
    parts.set(
      `output ${output}`,
      cells.map(row => text(Object.entries(row).filter(([name]) => !given.includes(name)))),
    )
    const from = (row: Readonly<Record<string, unknown>>, i: number): string =>
      text([call.kind === 'rows' ? positionOf(rows.origin, i) : 0, ...given.map(name => row[name])])
    parts.set(`parent ${output}`, cells.map(from))
  }
  for (const { operator, state, clear } of reply.state) {
    parts.set(`state ${operator}`, rowsOf(state).map(text))
    parts.set(
      `clear ${operator}`,
      rowsOf(state).map((_, i) => `${((clear?.[i >> 3] ?? 0) >> (i & 7)) & 1}`),
    )
  }
  parts.set('dead', reply.dead.map(text))
  return parts
}

/** For each byte of a frame the part whose values lie there; null where it describes, or is between the tables. */
export function contentOf(message: Uint8Array): (at: number) => string | null {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const owners: (string | null)[] = Array.from({ length: message.length }, () => null)
  const names: Readonly<Record<number, (operator: number, output: number) => string>> = {
    [Table.output]: (_, output) => `output ${output}`,
    [Table.parent]: (_, output) => `parent ${output}`,
    [Table.state]: operator => `state ${operator}`,
    [Table.clear]: operator => `clear ${operator}`,
    [Table.dead]: () => 'dead',
    [Table.measures]: () => 'measures',
  }
  for (let entry = 64; entry < 64 + 32 * view.getUint32(44, true); entry += 32) {
    const kind = view.getUint16(entry, true)
    const name = names[kind]?.(view.getUint16(entry + 2, true), view.getUint16(entry + 4, true)) ?? null
    const begin = 64 + view.getUint32(entry + 16, true)
    const isArrow = view.getUint32(entry + 8, true) !== 0
    // An Arrow message begins with its description: a marker, its length, and so many bytes.
    const described = isArrow ? 8 + view.getInt32(begin + 4, true) : 0
    owners.fill(name, begin + described, begin + view.getUint32(entry + 24, true))
  }
  return at => owners[at] ?? null
}
