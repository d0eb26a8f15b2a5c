/** What an operator sees of the engine, measured from its events: rates, busy and back-pressured time, what waits and why. */
import { describe, expect, test } from 'vitest'
import { Timeline } from '../../../src/runtime/flow/timeline.js'
import { DrivenEngine } from '../../support/engine.js'
import { tell } from '../../support/story.js'

describe('a timeline', () => {
  /** Events: `N`: the counter is N now. Cells: a second over the last second, and over the last minute. */
  const check = (text: string): void => {
    const timeline = new Timeline()
    tell(text, (event, atMs) => {
      const now = [Number(event)]
      timeline.passed(atMs, () => now)
      return [1_000, 60_000].map(ms => String(Math.round(timeline.perSecond(ms, atMs, now)[0] ?? 0)))
    })
  }

  test('answers what came in the last second and the last minute, each as a rate', () =>
    check(`
      at      event  ->  second  minute
      0       0          0       0
      500     100        200     200
      1000    300        300     300
      2000    1300       1000    650
      3000    1300       0       433
      60000   1300       0       22
      61000   1300       0       17     // the first second is out of the minute
      120000  1300       0       0
    `))

  test('looks at most four times a second, however many events there are', () => {
    const timeline = new Timeline()
    let looks = 0
    for (let ms = 0; ms <= 1_000; ms += 1)
      timeline.passed(ms, () => {
        looks += 1
        return [ms]
      })
    expect(looks).toBe(5)
  })
})

describe('a stage', () => {
  /** Cells: busy and back-pressured milliseconds a second, rows in, rows out, calls, rows that wait. */
  const check = (text: string): void => {
    const driven = new DrivenEngine(['tally'])
    tell(text, (event, atMs) => {
      driven.hear(event, atMs)
      const [stage] = driven.engine.report(atMs).stages
      if (stage === undefined) throw new Error('expected a stage')
      const { busyTimeMsPerSecond: busy, backPressuredTimeMsPerSecond: back, ...counted } = stage
      return [busy, back, counted.rowsIn, counted.rowsOut, counted.calls, counted.queueRows].map(n =>
        String(Math.round(n)),
      )
    })
  }

  test('is busy while a call is out, and idle while none is, whatever happens in between', () =>
    check(`
      at    event        ->  busy  back  in  out  calls  waits
      0     ready 1          0     0     0   0    0      0
      1000  rows a b         0     0     2   0    1      0
      1500  tick             333   0     2   0    1      0
      2000  answers 1        500   0     2   2    1      0
      4000  tick             250   0     2   2    1      0
      4000  rows a b c d e   250   0     7   2    2      1
      6000  lost 1 outside   600   0     7   2    2      1      // of the last five seconds
    `))

  test('says what its rows wait for, until a call succeeds', () => {
    const driven = new DrivenEngine(['tally'])
    const held = () => driven.engine.report(1_000).stages[0]?.held
    for (const event of ['ready 1', 'rows a', 'waits 1']) driven.hear(event)
    expect(held()).toEqual({ lanes: 1, forMs: 1_000, reason: 'waits' })
    driven.hear('tick', 1_000)
    driven.hear('answers 1', 1_000)
    expect(held()).toBeNull()
  })

  test('is back-pressured while rows wait that have no place to go, and no call is out', () => {
    const driven = new DrivenEngine(['tally'], { rowsMax: 1 })
    driven.hear('ready 1')
    let at = 0
    // The sink never says that it is free: one batch after the other fills the queue before it.
    for (let n = 0; n < 200 && driven.asksForRows; n += 1) {
      at += 1
      driven.hear('rows a', at)
      if (driven.said().calls !== '') driven.hear('answers 1', at)
    }
    const blocked = () => driven.engine.report(at).stages[0]
    expect(blocked()?.queueRows).toBeGreaterThan(0)
    at += 20_000
    driven.hear('tick', at)
    expect(blocked()).toMatchObject({ busyTimeMsPerSecond: 0, callsOut: 0 })
    expect(blocked()?.backPressuredTimeMsPerSecond).toBeGreaterThan(990)
  })
})

test('dead letters are counted by the operator that wrote them, and workers by what they did', () => {
  const driven = new DrivenEngine(['tally'])
  for (const event of ['ready 1', 'rows a - b', 'answers 1']) driven.hear(event)
  const { deadByOperator, rowsIn, rowsDead, pool } = driven.engine.report(0)
  expect({ deadByOperator, rowsIn, rowsDead }).toEqual({
    deadByOperator: [{ operator: 'tally', rows: 1 }],
    rowsIn: 3,
    rowsDead: 1,
  })
  expect(pool).toMatchObject({
    min: 1,
    max: 1,
    restarts: 0,
    workers: [{ worker: 1, state: 'ready', leases: 0, calls: 1 }],
  })
})

test('a pool by load grows while work waits for hands, as far as it may, and shrinks when there is none', () => {
  const pool = { workersMin: 1, workersMax: 3, creditPerWorker: 1 }
  const driven = new DrivenEngine(['tally'], { lanes: 8, rowsMax: 1, pool })
  let at = 0
  const wanted = () => driven.engine.report(at).pool.wanted
  const answerAll = () => {
    for (const { worker, leases } of driven.engine.report(at).pool.workers)
      if (leases > 0) driven.hear(`answers ${worker}`, at)
    driven.hear('written', at)
  }
  const pass = (seconds: number) => {
    for (let n = 0; n < seconds * 2; n += 1) {
      at += 500
      driven.hear('tick', at)
      answerAll()
    }
  }
  driven.hear('ready 1')
  driven.hear(`rows ${Array.from({ length: 60 }, (_, n) => `k${n}`).join(' ')}`)
  pass(0.5)
  expect(wanted()).toBe(1)
  pass(0.5)
  expect(wanted()).toBe(2)
  pass(3)
  expect(wanted(), 'the second one is still on its way').toBe(2)
  driven.hear('ready 2', at)
  pass(1)
  expect(wanted()).toBe(3)
  driven.hear('ready 3', at)
  pass(3)
  expect(wanted(), 'the limit').toBe(3)

  while (!driven.engine.atRest) answerAll()
  pass(10)
  expect(wanted()).toBe(2)
  pass(30)
  expect(wanted()).toBe(1)
})
