/** A job that fails begins again behind its last epoch, as often as its policy says. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasRead, stop } from '../support/clicks-job.js'
import { type Row, jobFolder } from '../support/job-folder.js'

const rowsOfAll = 3_000
const perPoll = 50

/**
 * A source that gives `{ k, n }`, k one of seven keys, and fails once it is asked for some rows, a sink that fails so many times in the middle, and files
 * beside it. The module is one through all attempts, so it counts what it did.
 */
const sourceAndSink = (fails: {
  readonly source: readonly number[]
  readonly sink: number
  /** How often it cannot be opened. */
  readonly opens?: number
  readonly pollMs?: number
  /** A row at which it gives nothing more until it is drained. */
  readonly standsAt?: number
}): string => `
let shut = ${fails.opens ?? 0}
const absent = new Set(${JSON.stringify(fails.source)})
let refusals = ${fails.sink}
export const numbers = ({ batch }) => {
  let at = 0
  let drained = false
  return {
    bounded: true,
    replayable: true,
    open: async from => {
      if (shut > 0) { shut -= 1; throw new Error('the source is not there') }
      at = from ?? 0
    },
    poll: async ({ rowsMax }) => {
      if (at >= ${rowsOfAll}) return null
      const due = [...absent].find(from => from <= at)
      if (due !== undefined && absent.delete(due)) throw new Error('the source is away')
      while (at === ${fails.standsAt ?? -1} && !drained) await new Promise(done => setTimeout(done, 5))
      if (drained) return null
      const first = at
      at += Math.min(${perPoll}, ${rowsOfAll} - at, rowsMax)
      await new Promise(done => setTimeout(done, ${fails.pollMs ?? 2}))
      const rows = Array.from({ length: at - first }, (_, i) => ({ k: BigInt((first + i) % 7), n: BigInt(first + i) }))
      return { batch: batch(rows), split: 'numbers', firstPosition: first + 1, positions: null, dead: [], next: at }
    },
    progress: () => ({ rows: at, done: at, total: ${rowsOfAll} }),
    drain: () => { drained = true },
    close: async () => {},
  }
}
export const fussy = () => {
  let rows = 0
  return {
    open: async () => {},
    write: async batch => {
      rows += batch.rows
      if (rows > 500 && refusals > 0) { refusals -= 1; throw new Error('the sink refuses') }
    },
    finish: async () => [],
    abort: async () => [],
  }
}
`
const job = `
import { custom, files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const own = new URL('own.ts', import.meta.url).href
const rows = job('restarts', { epoch: '50ms' })
  .from(custom.source(own, 'numbers', { schema: { k: 'int64', n: 'int64' }, bounded: true, replayable: true }))
`

const folderOf = (fails: Parameters<typeof sourceAndSink>[0]) =>
  jobFolder({
    'transforms.py': `
import anabranch as ab
@ab.keyed(inputs={"n": ab.int64}, state={"sum": ab.int64.default(0)}, outputs={"before": ab.int64})
def work(batch, state):
    n, before, new = batch.numpy("n"), [0] * len(batch), [int(v) for v in state["sum"].to_pylist()]
    for row, key in enumerate(state.index):
        before[row] = new[key]
        new[key] += int(n[row])
    return {"before": before}, {"sum": new}
`,
    'own.ts': sourceAndSink(fails),
    'job.ts': `${job}
const worked = rows.keyBy('k').apply(t.work)
export default worked.to(files.sink('rows/', json())).to(custom.sink(own, 'fussy', { delivery: 'at-least-once' }))
`,
  })

/** Each row once, with the sum of those of its key before it. */
const summed = (rows: readonly Row[]) =>
  rows.map(row => [Number(row['n']), Number(row['before'])] as const).sort(([a], [b]) => a - b)
const all = Array.from({ length: rowsOfAll }, (_, n) => {
  const earlier = Math.floor(n / 7)
  return [n, earlier * (n % 7) + (7 * (earlier * (earlier - 1))) / 2]
})
const policy = 'fixed-delay,attempts=3,delay=10ms'

describe('a job with a restart policy', () => {
  test('goes on behind its last epoch when a sink refuses twice, with each row in the files once', async () => {
    const folder = await folderOf({ source: [], sink: 2 })
    const { code, json, stderr } = await folder.run('--restart', policy)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ restarts: 2, rows_in: rowsOfAll, counters: { 'job.restarts': 2 } })
    expect(stderr).toContain(
      'the job failed: ANB4010 sink "fussy" failed: the sink refuses; it begins again behind its last epoch in 0.01 s',
    )
    expect(summed(folder.rows('rows'))).toEqual(all)
  })

  test('goes on when its source vanishes and returns, also before the first epoch', async () => {
    const folder = await folderOf({ source: [0, 1_000, 1_050], sink: 0 })
    const { code, json, stderr } = await folder.run('--restart', policy)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ restarts: 3, rows_in: rowsOfAll })
    expect(summed(folder.rows('rows'))).toEqual(all)
  })

  test('fails for good when it failed more often than the policy allows, and a later run goes on', async () => {
    const folder = await folderOf({ source: [500, 550], sink: 0 })
    const { code, json, stderr } = await folder.run('--restart', 'fixed-delay,attempts=1,delay=10ms')
    expect([code, json]).toMatchObject([1, { error: { code: 'ANB4010' } }])
    expect(stderr).toContain('it does not begin again: it was restarted once')
    expect((await folder.run('--restart', policy)).code).toBe(0)
    expect(summed(folder.rows('rows'))).toEqual(all)
  })

  test('asked to begin anew at a savepoint does so, also where it failed before it could', async () => {
    const folder = await folderOf({ source: [], sink: 0, standsAt: 1_000 })
    const own = (fails: Parameters<typeof sourceAndSink>[0]): void =>
      writeFileSync(join(folder.path, 'own.ts'), sourceAndSink(fails))
    const first = folder.start([])
    await hasRead(folder, 1_000)
    await stop(folder, 'begin')
    await first.ended
    const from = ['--from', join('out', 'savepoints', 'begin')]
    // Epochs enough lie between, behind which nothing may go on.
    own({ source: [2_500], sink: 0, pollMs: 20 })
    expect((await folder.run(...from)).code).toBe(1)
    const lineage = async (): Promise<unknown> => (await folder.cli('state', 'list', 'out', '--json')).json?.['lineage']
    const before = await lineage()
    own({ source: [], sink: 0, opens: 1 })
    const { code, json, stderr } = await folder.run(...from, '--fresh', '--rewind', '--restart', policy)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ restarts: 1, rows_in: rowsOfAll })
    expect([before, await lineage()]).toEqual([expect.any(String), expect.not.stringMatching(String(before))])
    expect(summed(folder.rows('rows'))).toEqual(all)
  })

  test('is not begun again where it has no epochs', async () => {
    const folder = await folderOf({ source: [500], sink: 0 })
    const { code, json } = await folder.run('--restart', policy, '--epoch', 'off')
    expect([code, json]).toMatchObject([1, { error: { code: 'ANB4010' } }])
  })
})
