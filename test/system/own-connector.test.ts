/** Connectors of the user's own under the command: what is said where they are missing, break their contract or fail. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jobFolder } from '../support/job-folder.js'

const job = (bounded: boolean): string => `
import { custom, job, nullSink } from 'anabranch'
const own = new URL('own.ts', import.meta.url).href
export default job('own')
  .from(custom.source(own, 'three', { schema: { n: 'int64' }, bounded: ${bounded}, replayable: true }))
  .to(custom.sink(own, 'counts', { delivery: 'at-least-once' }))
  .to(nullSink())
`
const source = (poll: string): string => `
let polls = 0
export const three = ({ batch }) => ({
  bounded: true,
  replayable: true,
  open: async () => {},
  poll: async limit => { polls += 1; ${poll} },
  progress: () => ({ rows: 0, done: 0, total: null }),
  drain: () => {},
  close: async () => {},
})
`
const good = `
return polls > 1 ? null : { batch: batch([{ n: 1n }, { n: 2n }, { n: 3n }]), split: 'x', firstPosition: 1, positions: null, dead: [], next: 3 }`
const sink = (write: string): string => `
let rows = 0
export const counts = () => ({
  open: async () => {},
  write: async batch => { rows += batch.rows; ${write} },
  finish: async () => [{ path: 'nowhere', rows }],
  abort: async () => [],
})
`

test('a sink that shows its rows at the end of a run is refused where the job has epochs, and runs where it has none', async () => {
  const whole = job(true).replace('at-least-once', 'exactly-once')
  const without = whole.replace("job('own')", "job('own', { epoch: 'off' })")
  const folder = await jobFolder({ 'own.ts': source(good) + sink(''), 'job.ts': whole })
  const refused = await folder.run()
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('ANB1028 sink "counts" shows its rows when the run is finished')
  expect(refused.stderr).toContain("give the job epoch: 'off', or let the sink show rows as they come")
  writeFileSync(join(folder.path, 'job.ts'), without)
  expect((await folder.run('--epoch', '1s')).stderr).toContain('ANB1028')
  const run = await folder.run()
  expect(run.code, run.stderr).toBe(0)
})

test('rows of an own source go to an own sink, and plan shows that they may come twice', async () => {
  const folder = await jobFolder({ 'own.ts': source(good) + sink(''), 'job.ts': job(true) })
  const run = await folder.run()
  expect(run.code, run.stderr).toBe(0)
  expect(run.json).toMatchObject({ rows_in: 3, rows_out: 6, outputs: [{ sink: 'counts', rows: 3 }, { rows: 3 }] })
  expect((await folder.cli('plan', 'job.ts')).stdout).toMatch(/three -> counts +at least once/)
})

describe('what is wrong with an own connector is said with its name', () => {
  const columns =
    "return { batch: batch([]), split: 'x', firstPosition: 1, positions: null, dead: [] , ...{ batch: { schema: { fields: [] }, rows: 0, columns: [] } } }"
  test.each([
    ['no module', {}, 2, /ANB1020 module .*own.ts could not be imported/],
    ['no export', { 'own.ts': sink('') }, 2, /ANB1020 module .*own.ts does not export a function "three"/],
    ['half a source', { 'own.ts': `export const three = () => ({})${sink('')}` }, 2, /ANB1020 "three" did not make/],
    [
      'other columns',
      { 'own.ts': source(columns) + sink('') },
      1,
      /ANB4011 source "three": expected columns n int64, got/,
    ],
    [
      'no place to go on at',
      { 'own.ts': source(good.replace(', next: 3', '')) + sink('') },
      1,
      /ANB4011 source "three": expected where to go on \(next\) in every poll, as it declares replayable: true, got none/,
    ],
    [
      'a place that is no JSON',
      { 'own.ts': source(good.replace('next: 3', 'next: { at: 3n }')) + sink('') },
      1,
      /ANB4011 source "three": expected next to be plain JSON, got next\.at must be/,
    ],
    [
      'a poll that throws',
      { 'own.ts': source("throw new Error('no tea')") + sink('') },
      1,
      /ANB4010 source "three" failed: no tea/,
    ],
    [
      'a write that throws',
      { 'own.ts': source(good) + sink("throw new Error('no cup')") },
      1,
      /ANB4010 sink "counts" failed: no cup/,
    ],
  ] as const)('%s', async (_, files, code, said) => {
    const folder = await jobFolder({ ...files, 'job.ts': job(true) })
    const run = await folder.run()
    expect(run.code, run.stderr).toBe(code)
    expect(run.stderr).toMatch(said)
  })

  test('another promise than the job declares', async () => {
    const folder = await jobFolder({ 'own.ts': source(good) + sink(''), 'job.ts': job(false) })
    const run = await folder.run()
    expect(run.code, run.stderr).toBe(2)
    expect(run.stderr).toContain(
      'source "three" and the job declare different things about being bounded and replayable',
    )
  })
})

/** One value a line between bars, `|1|`; whatever else stands in a line is passed over. */
const bars = `
export const fromBars = ({ batch }) => {
  let [held, room, lines] = [Buffer.alloc(0), Buffer.alloc(0), 0]
  return {
    pendingBytes: 0,
    misfits: [],
    space: bytes => (room = Buffer.alloc(bytes)),
    filled: bytes => { held = Buffer.concat([held, room.subarray(0, bytes)]) },
    finish: () => {},
    next: rowsMax => {
      const found = held.toString('latin1').split('\\n').slice(0, -1).slice(0, rowsMax)
      if (found.length === 0) return null
      held = held.subarray(found.join('\\n').length + 1)
      lines += found.length
      const rows = batch(found.map(line => ({ n: BigInt(line.split('|')[1]) })))
      return { batch: rows, firstPosition: lines - found.length + 1, positions: null, dead: [] }
    },
  }
}
export const toBars = ({ rows }) => ({
  head: Buffer.from('bars\\n'),
  encode: batch => Buffer.from(rows(batch).map(row => '|' + row.n + '|\\n').join('')),
})
`
const barsJob = `
import { custom, files, job } from 'anabranch'
const own = new URL('own.ts', import.meta.url).href
export default job('bars')
  .from(files('in/*.bars', custom.decoder(own, 'fromBars', { schema: { n: 'int64' } })))
  .to(files.sink('out/', custom.encoder(own, 'toBars', { extension: 'bars' })))
`

test('an own format is read and written, and what it throws is said with its name', async () => {
  const folder = await jobFolder({ 'own.ts': bars, 'in/1.bars': '|1|\n|2|\n', 'in/2.bars': '|3|\n', 'job.ts': barsJob })
  const run = await folder.run()
  expect(run.code, run.stderr).toBe(0)
  expect(folder.text('out/out/part-00000.bars')).toBe('bars\n|1|\n|2|\n|3|\n')
  const wrong = await jobFolder({ 'own.ts': bars, 'in/1.bars': 'none\n', 'job.ts': barsJob })
  const failed = await wrong.run()
  expect(failed.code, failed.stderr).toBe(1)
  expect(failed.stderr).toMatch(/ANB4010 decoder "fromBars" failed: Cannot convert undefined to a BigInt/)
})
