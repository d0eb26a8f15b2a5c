/**
 * The engine on a table: one job of one source, one chain of transforms and sinks, told one event after the other, and
 * the calls, rows and dead letters that it asks for, as text. No process and no clock; the transforms are those of the
 * simulation, run over the real frames.
 *
 *   const engine = new DrivenEngine(['tally'], { rowsMax: 4 })
 *   engine.hear('rows a a b')         // ids 1 2 3
 *   engine.said()                     // { calls: '1: 1-3', rows: '', dead: '' }
 *
 * Of the source: `rows KEY ...` (`-` a null key, `a!4` key a with fate 4 in the first function), `end`. Of a worker W:
 * `ready W`; to its oldest call (`last`: its newest) `answers W`, `raises W`, `waits W` (its service is away), `breaks W`
 * (its contract), `lies W` (a DONE without tables); `lost W crash`, `outside`, `deadline` or `replaced`. `late`: the last
 * answer comes again. `written`: the sinks are free again. `tick`.
 */
import { invariant, type AnabranchError } from '../../src/base/index.js'
import { type Batch, batchFromRows, readIpc, rowsOf } from '../../src/batch/index.js'
import { type Topology, openStages } from '../../src/plan/index.js'
import { type Failure, type Loss } from '../../src/runtime/fault/index.js'
import {
  type CallMessage,
  type DeadLetter,
  type Effects,
  Engine,
  type EngineTerms,
  noCaptures,
} from '../../src/runtime/index.js'
import { type Schema, schemaFromJson } from '../../src/schema/index.js'
import { type CallRead, OpenedStage, readCall, replyFrame } from '../../src/testing/simulation/call.js'
import { type FunctionName, refOf } from '../../src/testing/simulation/functions.js'
import { sourceSchema } from '../../src/testing/simulation/job.js'
import { Message, Table, type TableView, inlineFrame, readFrame } from '../../src/transport/index.js'
import { spoilingMemory } from '../../src/testing/simulation/spoil.js'
import { topologyOf } from './topology.js'

const usual: EngineTerms = {
  lanes: 1,
  keyGroups: 128,
  rowsMax: 4,
  pool: {
    workersMin: null,
    workersMax: 1,
    creditPerWorker: 1,
    failedStartsMax: 3,
    alikeStartsMax: 3,
    spareDelayMs: 0,
    recycleBytes: 1e9,
    spares: 0,
  },
  transientMaxMs: 60_000,
  stateBytesMax: 2 ** 20,
  wallMinusNowMs: 0,
  maxDead: null,
  captures: noCaptures,
  bounded: new Set([0]),
  memory: spoilingMemory,
  epochs: null,
}
const job = '0000000000000001'

export interface DrivenOptions extends Partial<Omit<EngineTerms, 'pool'>> {
  readonly pool?: Partial<EngineTerms['pool']>
  readonly nullKeys?: 'dead-letter' | 'group' | 'drop'
  readonly intoNull?: boolean
}

const openedOf = (topology: Topology) =>
  openStages(topology).map(stage => ({
    opened: new OpenedStage(stage, [...stage.operators.keys()]),
    shipped: schemaFromJson(stage.shipped),
  }))

export class DrivenEngine implements Effects {
  readonly engine: Engine
  readonly counts = new Map<string, number>()
  /** Rows that each sink was given, by its place. */
  readonly written: Readonly<Record<string, unknown>>[][] = []
  readonly letters: DeadLetter[] = []
  error: AnabranchError | null = null
  /** Captures of calls that went well. */
  readonly kept: { readonly stage: string; readonly bytes: Uint8Array }[] = []
  private stages: readonly { readonly opened: OpenedStage; readonly shipped: Schema }[]
  private readonly out = new Map<number, CallRead[]>()
  private answered: { worker: number; call: CallRead; tables: readonly TableView[] } | null = null
  private readonly busySinks: number[] = []
  private polling = false
  private nextId = 1
  private nowMs = 0
  private news: { calls: string[]; rows: string[]; dead: string[] } = { calls: [], rows: [], dead: [] }

  constructor(
    names: readonly FunctionName[],
    { pool, nullKeys = 'dead-letter', intoNull = false, ...terms }: DrivenOptions = {},
  ) {
    const functions = names.map(name => refOf(name, 1_000))
    const topology = topologyOf(functions, { source: sourceSchema, key: 'k', nullKeys, intoNull })
    this.stages = openedOf(topology)
    const observer = {
      count: (name: string, by = 1) => void this.counts.set(name, (this.counts.get(name) ?? 0) + by),
      log: () => undefined,
    }
    this.engine = new Engine(topology, { ...usual, ...terms, pool: { ...usual.pool, ...pool } }, this, observer)
    this.engine.start(0)
    this.engine.open(0)
  }

  /** From now on the workers have other code. */
  opens(topology: Topology): void {
    this.stages = openedOf(topology)
  }

  keep(stage: string, capture: () => Uint8Array): void {
    this.kept.push({ stage, bytes: capture() })
  }

  /** One event of a story; `at` in milliseconds. */
  hear(event: string, atMs = 0): void {
    this.nowMs = atMs
    const [what = '', first = '', ...rest] = event.split(' ')
    const worker = Number(first)
    if (what === 'rows') this.give([first, ...rest])
    else if (what === 'end') this.engine.polled(0, null, atMs)
    else if (what === 'tick') this.engine.tick(atMs)
    else if (what === 'written') this.sinksAreFree()
    else if (what === 'late') this.repeat()
    else this.ofWorker(what, worker, rest)
  }

  /** What was asked for since the last time: calls as `worker: ids`, rows and dead rows by their ids. */
  said(): { readonly calls: string; readonly rows: string; readonly dead: string } {
    const { calls, rows, dead } = this.news
    this.news = { calls: [], rows: [], dead: [] }
    return { calls: calls.join(', '), rows: rows.join(', '), dead: dead.join(', ') }
  }

  /** Events of a story with the cells calls, rows, dead. */
  readonly play = (event: string, atMs: number): readonly string[] => {
    this.hear(event, atMs)
    const { calls, rows, dead } = this.said()
    return [calls, rows, this.error === null ? dead : `stops ${this.error.code}`]
  }

  private give(keys: readonly string[]): void {
    invariant(this.polling, 'rows come when they were asked for')
    this.polling = false
    const first = this.nextId
    const rows = keys.map(key => {
      const id = this.nextId++
      const [k = '', fate] = key.split('!')
      return {
        id: BigInt(id),
        k: k === '-' ? null : k,
        g: id % 7,
        v: id,
        fate: fate === undefined ? 0 : 16 + Number(fate),
        pad: '',
      }
    })
    const batch = batchFromRows(schemaFromJson(sourceSchema), rows)
    this.engine.polled(0, { batch, split: 'in.jsonl', firstPosition: first, positions: null, dead: [] }, this.nowMs)
  }

  private ofWorker(what: string, worker: number, rest: readonly string[]): void {
    if (what === 'ready') return this.engine.ready(worker, this.nowMs)
    if (what === 'lost') {
      this.out.delete(worker)
      return this.engine.lost(worker, lossFrom(rest[0] ?? ''), this.nowMs)
    }
    const mine = this.out.get(worker) ?? []
    const call = rest[0] === 'last' ? mine.pop() : mine.shift()
    invariant(call !== undefined, `worker ${worker} has a call to answer`)
    const key = keyOf(worker, call)
    if (what === 'answers') this.answer(worker, call)
    else if (what === 'lies') this.engine.done(worker, key, { tables: [], loan: undefined }, this.nowMs)
    else this.engine.callFailed(worker, key, failedWith(what), this.nowMs)
  }

  private answer(worker: number, call: CallRead): void {
    const { opened } = this.stage(call)
    const outcome = opened.run(call)
    invariant(outcome.kind === 'done', 'the story says where a call fails')
    const parts = opened.done(call, outcome, { us: 0, rss: 0 })
    const { tables } = readFrame(replyFrame(call, Message.done, parts))
    this.answered = { worker, call, tables }
    this.engine.done(worker, keyOf(worker, call), { tables, loan: undefined }, this.nowMs)
  }

  private repeat(): void {
    invariant(this.answered !== null, 'a reply came before')
    const { worker, call, tables } = this.answered
    this.engine.done(worker, keyOf(worker, call), { tables, loan: undefined }, this.nowMs)
  }

  private sinksAreFree(): void {
    for (const sink of this.busySinks.splice(0)) this.engine.written(sink, this.nowMs)
  }

  // What the engine asks for.

  poll(): void {
    this.polling = true
  }

  get asksForRows(): boolean {
    return this.polling
  }

  write(sink: number, batch: Batch): void {
    const rows = rowsOf(batch)
    this.written[sink] = [...(this.written[sink] ?? []), ...rows]
    this.busySinks.push(sink)
    this.news.rows.push(`${sink === 0 ? '' : `side ${sink}: `}${named(rows)}`)
  }

  finishSink(): void {
    this.news.rows.push('the end')
  }

  spawn(): void {}

  call(worker: number, { parts, kind, ...envelope }: CallMessage): void {
    const head = { ...envelope, kind: kind === 'call' ? Message.call : Message.end, job, incarnation: worker }
    const call = readCall(inlineFrame(head, parts))
    this.out.set(worker, [...(this.out.get(worker) ?? []), call])
    const what = kind === 'end' ? `end of ${envelope.rows} keys` : named(this.rowsOf(call))
    this.news.calls.push(`${worker}: ${what}`)
  }

  private rowsOf(call: CallRead): readonly Readonly<Record<string, unknown>>[] {
    const rows = call.tables.find(t => t.kind === Table.rows)
    invariant(rows !== undefined, 'a call has rows')
    return rowsOf(readIpc(this.stage(call).shipped, rows.bytes))
  }

  private stage(call: CallRead) {
    const stage = this.stages[call.envelope.stage]
    invariant(stage !== undefined, 'a call names a stage that is open')
    return stage
  }

  stop(): void {}

  kill(worker: number, why: string): void {
    this.news.calls.push(`kill ${worker} (${why})`)
  }

  bury(letter: DeadLetter): void {
    this.letters.push(letter)
    this.news.dead.push(`${letter.position ?? '-'} ${letter.error.code}`)
  }

  fail(error: AnabranchError): void {
    this.error = error
  }

  finish(): void {}
}

const keyOf = (worker: number, { envelope }: CallRead) => ({
  incarnation: worker,
  sequence: envelope.sequence,
  attempt: envelope.attempt,
})

/** `1-3 7` for the ids 1 2 3 7. Not every row has its `id`; `v` is the same number, and without both they are counted. */
function named(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const ids = rows.map(row => Number(row['id'] ?? row['v']))
  if (ids.some(Number.isNaN)) return `${rows.length} rows`
  const runs: { first: number; last: number }[] = []
  for (const id of ids) {
    const run = runs.at(-1)
    if (run !== undefined && id === run.last + 1) run.last = id
    else runs.push({ first: id, last: id })
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(' ')
}

const failures = {
  raises: ['TransformError', 'ANB2001', 'ValueError'],
  waits: ['TransientError', 'ANB2009', 'ConnectionRefusedError'],
  breaks: ['ContractError', 'ANB2104', 'ContractError'],
} as const

function failedWith(what: string): Failure {
  const found = Object.entries(failures).find(([name]) => name === what)?.[1]
  invariant(found !== undefined, `"${what}" is an event of these stories`)
  const [name, code, type] = found
  return { class: name, code, type, message: what, traceback: '', operator: 0, retryAfterMs: null }
}

function lossFrom(word: string): Loss {
  const parts = { what: `was lost: ${word}`, stderr: '' }
  if (word === 'crash') return { kind: 'crash', ...parts, code: null, signal: 'SIGSEGV' }
  invariant(word === 'deadline' || word === 'outside' || word === 'replaced', `"${word}" is a kind of loss`)
  return { kind: word, ...parts }
}
