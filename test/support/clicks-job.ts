/** A job that counts the clicks of users in a file that grows: what its state is can be said of any row. */
import { expect } from 'vitest'
import { statusWhere } from './asked.js'
import { type Ended, type Started } from './cli.js'
import { type JobFolder, type Row, jobFolder } from './job-folder.js'

export const clicksJob = `
import { files, job, json } from 'anabranch'
import code from './transforms.anabranch.ts'
export default job('clicks')
  .from(files('in/*.jsonl', json({ user: 'utf8', n: 'int64' }), { tail: true }), { id: 'in' })
  .keyBy('user')
  .apply(code.count)
  .to(files.sink('counts/', json()), { id: 'out' })
`
export const counting = `
import numpy as np
import anabranch as ab

@ab.keyed(inputs={}, state={"seen": ab.int32.default(0)}, outputs={"nth": ab.int64})
def count(batch, state):
    return {"nth": state.numpy("seen")[state.index] + state.rank + 1}, {"seen": (state.numpy("seen") + state.counts).astype("i4")}
`
export const users = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus']
const userOf = (n: number): string => users[(5 * n + Math.floor(n / 7)) % users.length] ?? ''
export const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `{"user":"${userOf(from + i)}","n":${from + i}}\n`).join('')

/** What an uninterrupted run writes of rows [0, to). */
export function expected(to: number): readonly Row[] {
  const seen = new Map<string, number>()
  return Array.from({ length: to }, (_, n) => {
    const nth = (seen.get(userOf(n)) ?? 0) + 1
    seen.set(userOf(n), nth)
    return { user: userOf(n), n, nth }
  })
}

export const sorted = (rows: readonly Row[]): readonly Row[] =>
  [...rows].sort((a, b) => Number(a['n']) - Number(b['n']))
export const folderOf = (rows: string, python = counting, text = clicksJob): Promise<JobFolder> =>
  jobFolder({ 'job.ts': text, 'transforms.py': python, 'in/1.jsonl': rows })

/** Runs until it has read so many rows, and then does something to it. */
export async function runUntil(
  folder: JobFolder,
  rows: number,
  then: () => Promise<void>,
  ...args: string[]
): Promise<Ended> {
  const run = folder.start(['--epoch', '50ms', ...args])
  const { ended } = run
  await Promise.race([
    hasRead(folder, rows, run),
    ended.then(({ stderr }) => Promise.reject(new Error(`the run ended too early: ${stderr}`))),
  ])
  await then()
  const end = await ended
  expect(end.code, end.stderr).toBe(0)
  return end
}

export const stop = async (folder: JobFolder, name: string): Promise<void> => {
  const stopped = await folder.cli('stop', 'out', '--name', name)
  expect(stopped.code, stopped.stderr).toBe(0)
}

/** It runs, and has read so many rows. */
export async function hasRead(folder: JobFolder, rows: number, run?: Started): Promise<void> {
  await statusWhere(folder, status => status['rows_in'] === rows, run)
}
