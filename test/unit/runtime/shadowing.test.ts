/**
 * A shadow beside an engine, told one event after the other: what it takes, what it leaves out, what it says. The job's own calls,
 * rows and memory are those of the engine; that memory is spoilt when it is given back, so a shadow that reads on without
 * having kept it compares rubbish.
 */
import { describe, expect, test } from 'vitest'
import { invariant } from '../../../src/base/index.js'
import { type Value } from '../../../src/batch/index.js'
import { type StageVertex, openStages } from '../../../src/plan/index.js'
import { type CallMessage } from '../../../src/runtime/index.js'
import { type ShadowEffects, type ShadowReport, Shadowing } from '../../../src/runtime/shadow/index.js'
import { type CallRead, OpenedStage, readCall, replyFrame } from '../../../src/testing/simulation/call.js'
import { refOf } from '../../../src/testing/simulation/functions.js'
import { sourceSchema } from '../../../src/testing/simulation/job.js'
import { spoilingMemory } from '../../../src/testing/simulation/spoil.js'
import { Message, inlineFrame, readFrame } from '../../../src/transport/index.js'
import { DrivenEngine } from '../../support/engine.js'
import { topologyOf } from '../../support/topology.js'

type Cells = Record<string, Value>
const same = (cells: Cells): Cells => cells

class DrivenShadow implements ShadowEffects {
  readonly shadowing: Shadowing
  readonly out: CallRead[] = []
  readonly did: string[] = []
  report: ShadowReport | null = null
  private worker = 0
  private readonly stage: OpenedStage

  constructor(job: DrivenEngine, limits: Partial<{ rows: number; epochs: number; ms: number }> = {}) {
    const around = { source: sourceSchema, key: 'k', nullKeys: 'dead-letter' } as const
    const topology = topologyOf([refOf('tally', 1_000)], around)
    const [open] = openStages(topology)
    const vertex = topology.vertices.find((v): v is StageVertex => v.kind === 'stage')
    invariant(open !== undefined && vertex !== undefined, 'the job has a stage')
    this.stage = new OpenedStage(open, [0])
    this.shadowing = new Shadowing(
      {
        stages: new Map([[0, { vertex, change: new Map() }]]),
        tolerance: 0,
        limits: { rows: null, epochs: null, ms: 30_000, ...limits },
        memory: spoilingMemory,
        stateBytesMax: 2 ** 20,
        swap: null,
      },
      this,
    )
    job.engine.tap = this.shadowing
    this.shadowing.start()
  }

  /** Its oldest call; `alter` makes other rows or state of what the functions give. */
  answers({ rows = same, state = same } = {}, atMs = 0): void {
    const call = this.out.shift()
    invariant(call !== undefined, 'a call is out')
    const outcome = this.stage.run(call)
    invariant(outcome.kind === 'done', 'the function answers')
    const main = outcome.main.map(entry => ({ ...entry, cells: { ...entry.cells, ...rows(entry.cells) } }))
    const kept = new Map(
      [...outcome.state].map(
        ([at, keys]) => [at, keys.map(key => ({ ...key, cells: { ...key.cells, ...state(key.cells) } }))] as const,
      ),
    )
    const parts = this.stage.done(call, { ...outcome, main, state: kept }, { us: 7, rss: 0 })
    const { tables } = readFrame(replyFrame(call, Message.done, parts))
    this.shadowing.answered(this.keyOf(call), { is: 'done', tables, loan: undefined }, atMs)
    this.shadowing.tick(atMs)
  }

  raises(message: string): void {
    const call = this.out.shift()
    invariant(call !== undefined, 'a call is out')
    const more = { type: 'ValueError', traceback: 'line 3', operator: 0, retryAfterMs: null }
    const failure = { class: 'TransformError', code: 'ANB2001', message, ...more } as const
    this.shadowing.answered(this.keyOf(call), { is: 'failed', failure }, 0)
    this.shadowing.tick(0)
  }

  lost(kind: 'crash' | 'outside'): void {
    this.out.length = 0
    const loss = { what: 'died of SIGSEGV', stderr: '' }
    this.shadowing.lost(kind === 'crash' ? { kind, ...loss, code: null, signal: 'SIGSEGV' } : { kind, ...loss }, 0)
    this.shadowing.tick(0)
  }

  ended(): ShadowReport {
    this.shadowing.end('job', 1_000)
    invariant(this.report !== null, 'an end is told')
    return this.report
  }

  // What it asks for.

  spawn(worker: number): void {
    this.worker = worker
    this.did.push(`spawn ${worker}`)
  }

  call(worker: number, { parts, kind, ...envelope }: CallMessage): void {
    const head = { ...envelope, kind: kind === 'call' ? Message.call : Message.end, job: '0'.repeat(16) }
    this.out.push(readCall(inlineFrame({ ...head, incarnation: worker }, parts)))
  }

  kill(worker: number): void {
    this.did.push(`kill ${worker}`)
  }

  over(report: ShadowReport): void {
    this.report = report
    this.did.push(`over ${report.ended}`)
  }

  epoch(): number | null {
    return 1
  }

  private keyOf({ envelope }: CallRead) {
    return { incarnation: this.worker, sequence: envelope.sequence, attempt: envelope.attempt }
  }
}

/** A job with one worker that is ready, and a shadow that is. */
function both(limits = {}): { readonly job: DrivenEngine; readonly shadow: DrivenShadow } {
  const job = new DrivenEngine(['tally'], { rowsMax: 4 })
  job.hear('ready 1')
  const shadow = new DrivenShadow(job, limits)
  shadow.shadowing.ready(0)
  return { job, shadow }
}

const columnsOf = ({ stages }: ShadowReport, kind: 'rows' | 'state'): Record<string, number> => {
  const table = stages[0]?.tables.find(each => each.kind === kind)
  return Object.fromEntries(table?.columns.map(({ column, differ }) => [column, differ]) ?? [])
}

describe('a shadow', () => {
  test.each(['the job first', 'the shadow first'])(
    'is called with what the job is called with: %s to answer',
    first => {
      const { job, shadow } = both()
      for (const rows of ['rows a a b', 'rows a b c']) {
        job.hear(rows)
        if (first === 'the job first') job.hear('answers 1')
        shadow.answers()
        if (first === 'the shadow first') job.hear('answers 1')
        job.hear('written')
        shadow.shadowing.tick(0)
      }
      const report = shadow.ended()
      expect(report).toMatchObject({ verdict: 'equal', ended: 'job', rowsSeen: 6, rowsCompared: 6, losses: 0 })
      expect(columnsOf(report, 'rows')).toEqual({ nth: 0, total: 0, before: 0 })
      expect(columnsOf(report, 'state')).toEqual({ n: 0, sum: 0, last: 0 })
      expect(report.stages[0]?.usPerRow).toMatchObject({ new: 14 / 6 })
    },
  )

  test('says which column of rows and of state differs, in how many, with the input, the old and the new value', () => {
    const { job, shadow } = both()
    job.hear('rows a a b')
    shadow.answers({ rows: ({ nth }) => ({ nth: Number(nth) + 10 }), state: ({ sum }) => ({ sum: Number(sum) / 2 }) })
    job.hear('answers 1')
    const report = shadow.ended()
    expect(report.verdict).toBe('different')
    expect(columnsOf(report, 'rows')).toEqual({ nth: 3, total: 0, before: 0 })
    expect(columnsOf(report, 'state')).toEqual({ n: 0, sum: 2, last: 0 })
    const [, , example] = report.stages[0]?.tables[0]?.columns[0]?.examples ?? []
    expect(example).toEqual({ of: { k: 'b', v: 3, g: 3, fate: 0 }, old: 1, new: 11 })
  })

  test('does not carry its own state from call to call: each begins with that of the running code', () => {
    const { job, shadow } = both()
    job.hear('rows a a')
    shadow.answers({ state: () => ({ n: 1_000 }) })
    job.hear('answers 1')
    job.hear('written')
    shadow.shadowing.tick(0)
    job.hear('rows a')
    shadow.answers()
    job.hear('answers 1')
    expect(columnsOf(shadow.ended(), 'rows')).toMatchObject({ nth: 0 })
  })

  test('takes two calls at a time and leaves out the rest, which it counts', () => {
    const { job, shadow } = both()
    for (const rows of ['rows a', 'rows b', 'rows c', 'rows d e']) {
      job.hear(rows)
      job.hear('answers 1')
      job.hear('written')
    }
    expect(shadow.out).toHaveLength(2)
    shadow.answers()
    shadow.answers()
    expect(shadow.ended()).toMatchObject({ verdict: 'equal', rowsSeen: 5, rowsCompared: 2 })
  })

  test('that raises is said to, with the rows of the call; where the running code raises too there is nothing to say', () => {
    const { job, shadow } = both()
    job.hear('rows a b')
    shadow.raises('no b')
    job.hear('answers 1')
    job.hear('written')
    shadow.shadowing.tick(0)
    job.hear('rows c')
    job.hear('raises 1')
    shadow.raises('no c')
    const report = shadow.ended()
    expect(report.verdict).toBe('different')
    expect(report.stages[0]?.failures).toMatchObject([{ operator: 'tally', message: 'no b', calls: 1, rows: 2 }])
    expect(report.stages[0]?.failedOnlyInOld).toBe(0)
  })

  test('whose worker dies of a call is started again, at most three times; one that is killed from outside is not blamed', () => {
    const { job, shadow } = both()
    job.hear('rows a b')
    shadow.lost('outside')
    shadow.shadowing.ready(0)
    job.hear('answers 1')
    job.hear('written')
    for (const rows of ['rows a', 'rows b']) {
      job.hear(rows)
      shadow.lost('crash')
      shadow.shadowing.ready(0)
      job.hear('answers 1')
      job.hear('written')
      shadow.shadowing.tick(0)
    }
    expect(shadow.did).toEqual(['spawn 1', 'spawn 2', 'spawn 3', 'over lost'])
    expect(shadow.report).toMatchObject({ verdict: 'different', losses: 3, rowsCompared: 0 })
    expect(shadow.report?.stages[0]?.failures).toMatchObject([{ code: 'ANB2008', calls: 2, rows: 2 }])
  })

  test('whose call is over its time is ended, and the job waits for nothing', () => {
    const { job, shadow } = both()
    job.hear('rows a')
    job.hear('answers 1')
    job.hear('written')
    for (const ms of [900, 1_001, 1_002]) shadow.shadowing.tick(ms)
    expect(shadow.did).toEqual(['spawn 1', 'kill 1'])
    job.hear('rows b')
    expect(job.said().calls).toBe('1: 1, 1: 2')
  })

  test('that raises for every row is over with the rows that were asked for too, not with its time', () => {
    const { job, shadow } = both({ rows: 2 })
    job.hear('rows a b')
    shadow.raises('no b')
    job.hear('answers 1')
    job.hear('written')
    shadow.shadowing.tick(0)
    shadow.shadowing.tick(0)
    expect(shadow.did).toEqual(['spawn 1', 'over done'])
    expect(shadow.report).toMatchObject({ verdict: 'different', rowsCompared: 0, rowsSeen: 2 })
  })

  test.each([
    ['rows', { rows: 3 }, 0],
    ['time', { ms: 500 }, 500],
  ])('is over when its %s are, and takes no call after that', (_, limits, atMs) => {
    const { job, shadow } = both(limits)
    job.hear('rows a a b')
    shadow.answers()
    job.hear('answers 1')
    job.hear('written')
    shadow.shadowing.tick(atMs)
    shadow.shadowing.tick(atMs)
    expect(shadow.did).toEqual(['spawn 1', 'over done'])
    job.hear('rows a')
    expect(shadow.out).toEqual([])
  })

  test('of a job whose worker is lost leaves that call out: its rows come again', () => {
    const { job, shadow } = both()
    job.hear('rows a b')
    job.hear('lost 1 crash')
    shadow.answers()
    expect(shadow.ended()).toMatchObject({ verdict: 'nothing', rowsCompared: 0 })
  })

  test('calls the functions for the end of the input too', () => {
    const { job, shadow } = both()
    job.hear('rows a b')
    shadow.answers()
    job.hear('answers 1')
    job.hear('written')
    job.hear('end')
    shadow.answers()
    job.hear('answers 1')
    const side = shadow.ended().stages[0]?.tables.find(each => each.kind === 'side')
    expect(side).toMatchObject({ name: 'totals', compared: 2, missing: 0, more: 0 })
  })
})
