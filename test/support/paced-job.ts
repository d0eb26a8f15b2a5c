/**
 * A keyed job that is fed evenly, with exactly-once files at its end. Rows are `{ n, k }`, k one of seven keys; `work` adds
 * the sum of the n of its key before, and which version of the code worked on the row.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { statusWhere } from './asked.js'
import { type Ended, type Started } from './cli.js'
import { type JobFolder, type Row, jobFolder } from './job-folder.js'

const keys = 7

/** Rows that come every 10 ms, until the test says that it is enough. */
type RowsPerPoll = number

/** `body` gets `n`, `before` and `new`, all NumPy or lists of the batch, and may raise; `state` is what it declares. */
export const transforms = (
  version: number,
  { body = '', state = '"sum": ab.int64.default(0)', sums = 'sum', top = '' } = {},
): string => `
import anabranch as ab
${top}
@ab.keyed(inputs={"n": ab.int64}, state={${state}}, outputs={"before": ab.int64, "version": ab.int64})
def work(batch, state):
    n, before, new = batch.numpy("n"), [0] * len(batch), [int(v) for v in state["${sums}"].to_pylist()]
    ${body}
    for row, key in enumerate(state.index):
        before[row] = new[key]
        new[key] += int(n[row])
    return {"before": before, "version": [${version}] * len(batch)}, {"${sums}": new}
`

/** `own.ts` with the source `numbers`. `row` is TypeScript of what the n-th row is. */
export const pacedSource = (rowsPerPoll: RowsPerPoll, row: string): string => `
import { existsSync, readFileSync } from 'node:fs'
const row = (n: number) => (${row})
export const numbers = ({ batch, folder }) => {
  let at = 0
  let due = 0
  return {
    bounded: true,
    replayable: true,
    open: async from => { at = from ?? 0; due = Date.now() },
    poll: async ({ rowsMax }) => {
      const end = existsSync(folder + '/enough') ? Number(readFileSync(folder + '/enough', 'utf8')) : Number.POSITIVE_INFINITY
      if (at >= end) return null
      const count = Math.min(${rowsPerPoll}, rowsMax, end - at)
      due += (10 * count) / ${rowsPerPoll}
      await new Promise(done => setTimeout(done, Math.max(0, due - Date.now())))
      const first = at
      at += count
      const made = Array.from({ length: count }, (_, i) => row(first + i))
      return { batch: batch(made), split: 'numbers', firstPosition: first + 1, positions: null, dead: [], next: at }
    },
    progress: () => ({ rows: at, done: at, total: null }),
    drain: () => {},
    close: async () => {},
  }
}
`

export function pacedJob(rowsPerPoll: RowsPerPoll, files: Readonly<Record<string, string>> = {}): Promise<JobFolder> {
  return jobFolder({
    'transforms.py': transforms(1),
    'own.ts': pacedSource(rowsPerPoll, `{ k: BigInt(n % ${keys}), n: BigInt(n) }`),
    'job.ts': `
import { custom, files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const own = new URL('own.ts', import.meta.url).href
export default job('paced', { epoch: '100ms' })
  .from(custom.source(own, 'numbers', { schema: { k: 'int64', n: 'int64' }, bounded: true, replayable: true }))
  .keyBy('k')
  .apply(t.work)
  .to(files.sink('rows/', json()))
`,
    ...files,
  })
}

/** The input ends behind so many rows, or where it is if there were more. */
export const enough = (folder: JobFolder, rows = 0): void => writeFileSync(join(folder.path, 'enough'), `${rows}`)

/** Works on some more rows, and until they are so many; then its input ends. Answers how it ended, and all rows that it read. */
export async function worksOn(
  folder: JobFolder,
  run: Started,
  least = 0,
): Promise<{ readonly end: Ended; readonly rows: number }> {
  const worked = await hasWorked(folder, 0)
  await hasWorked(folder, Math.max(worked + 500, least))
  enough(folder)
  const end = await run.ended
  expect(end.code, end.stderr).toBe(0)
  return { end, rows: Number(end.json?.['rows_in']) }
}

/** Waits until the job has worked on so many rows. Answers how many they are. */
export async function hasWorked(folder: JobFolder, rows: number): Promise<number> {
  const status = await statusWhere(folder, ({ rows_out }) => Number(rows_out) >= rows)
  return Number(status?.['rows_out'])
}

export const swap = (folder: JobFolder, ...args: readonly string[]): Promise<Ended> =>
  folder.cli('transform', 'swap', 'out', '--json', ...args)

/** `n` and the sum before it, of each row, by n. */
export const sumsOf = (rows: readonly Row[]): readonly (readonly [number, number])[] =>
  rows.map(row => [Number(row['n']), Number(row['before'])] as const).sort(([a], [b]) => a - b)

/** What comes out of `rows` rows, each once and on the state of those before. */
export const sumsOfAll = (rows: number): readonly (readonly [number, number])[] =>
  Array.from({ length: rows }, (_, n) => {
    const earlier = Math.floor(n / keys)
    return [n, earlier * (n % keys) + (keys * (earlier * (earlier - 1))) / 2] as const
  })

/** New code that no running job takes: what is wrong with it, its module, and what is said. */
export const refusedModules: readonly (readonly [string, string, string])[] = [
  ['the module does not import', 'import nothing_like_this\n', 'could not be imported'],
  ['a function is missing', transforms(2).replace('def work', 'def other'), 'module new.py has no transform "work"'],
  [
    'state cannot become the declared one',
    transforms(2, { state: '"sum": ab.utf8.default("")' }),
    'state column "sum" is declared utf8, but stored as int64',
  ],
  [
    'a worker with it does not start',
    transforms(2, { top: 'import os, sys\nif "anabranch._worker" in " ".join(sys.orig_argv): os._exit(3)' }),
    'expected a worker with the new code to start and stay, it exited with 3',
  ],
]
