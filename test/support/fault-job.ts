/**
 * The job that system tests hurt: rows with a key go through a stateless transform, which does what a row tells it to,
 * and a keyed one that counts and adds up. What must come out is worked out here, row by row, without the product.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type JobFolder, jobFolder, type Row } from './job-folder.js'

export interface FaultRow {
  readonly id: number
  readonly key: string
  readonly x: number
  /** Name of a function in `faults`, done by the transform when it meets the row; null does nothing. */
  readonly what: string | null
}

const transforms = (faults: string, options: string): string => `
import ctypes, os, re, signal, subprocess, sys, threading, time
import numpy as np
import anabranch as ab

Row = ab.schema({"id": ab.int64, "key": ab.utf8, "x": ab.float64, "what": ab.utf8})

def once(name):
    """True for the first call of this name in the whole run, over all processes."""
    try:
        os.close(os.open(os.path.join("flags", name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

${faults}

@ab.transform(inputs={"id": ab.int64, "x": ab.float64, "what": ab.utf8}, outputs={"y": ab.float64}${options})
def work(batch):
    for what in batch.list("what"):
        if what is not None:
            globals()[what]()
    return {"y": batch.numpy("x") * 2}

@ab.keyed(inputs={"y": ab.float64}, state={"n": ab.int64.default(0), "sum": ab.float64.default(0.0)},
          outputs={"n": ab.int64, "sum": ab.float64})
def running(batch, state):
    y, n, total = batch.numpy("y"), np.empty(len(batch), np.int64), np.empty(len(batch))
    def step(rows, keys, count, added):
        count += 1
        added += y[rows]
        n[rows], total[rows] = count, added
    count, added = state.rounds(step, state["n"], state["sum"])
    return {"n": n, "sum": total}, {"n": count, "sum": added}
`

const job = (options: string, host: string): string => `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
${host}
export default job('faults', ${options})
  .from(files('input/*.jsonl', json(t.Row)))
  .apply(t.work)
  .keyBy('key')
  .apply(t.running)
  .to(files.sink('rows/', json()))
`

export interface FaultOptions {
  /** Python functions that rows name. */
  readonly faults?: string
  /** More arguments of the decorator of \`work\`, beginning with a comma. */
  readonly decorator?: string
  /** The options of \`job(...)\` as TypeScript. */
  readonly job?: string
  /** TypeScript that the job file does in the host's process. */
  readonly host?: string
}

export const someRows = (n: number, what: (id: number) => string | null = () => null): readonly FaultRow[] =>
  Array.from({ length: n }, (_, id) => ({ id, key: `k${(id * 7919) % 13}`, x: id % 101, what: what(id) }))

export function faultJob(rows: readonly FaultRow[], options: FaultOptions = {}): Promise<JobFolder> {
  return jobFolder({
    'job.ts': job(options.job ?? '{}', options.host ?? ''),
    'transforms.py': transforms(options.faults ?? '', options.decorator ?? ''),
    'input/rows.jsonl': rows.map(row => `${JSON.stringify(row)}\n`).join(''),
    'flags/.keep': '',
  })
}

/** What a single loop makes of the rows that are not dead. */
export function modelOf(rows: readonly FaultRow[], dead: ReadonlySet<number> = new Set()): readonly Row[] {
  const state = new Map<string, { n: number; sum: number }>()
  return rows.flatMap(row => {
    if (dead.has(row.id)) return []
    const before = state.get(row.key) ?? { n: 0, sum: 0 }
    const after = { n: before.n + 1, sum: before.sum + row.x * 2 }
    state.set(row.key, after)
    return [{ ...row, y: row.x * 2, ...after }]
  })
}

const byId = (rows: readonly Row[]): readonly Row[] => rows.toSorted((a, b) => Number(a['id']) - Number(b['id']))

/** Every row once, each key's rows in order, and exactly these rows dead. */
export function expectExactly(folder: JobFolder, rows: readonly FaultRow[], dead: readonly number[] = []): void {
  const out = folder.rows('rows')
  expect(byId(out)).toEqual(modelOf(rows, new Set(dead)))
  for (const key of new Set(rows.map(r => r.key))) {
    const ids = out.filter(r => r['key'] === key).map(r => Number(r['id']))
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  }
  const letters = folder.deadLetters().map(letter => Number((letter['row'] as Row)['id']))
  expect(letters.toSorted((a, b) => a - b)).toEqual(dead)
}

/** Pids of `run.json`; empty before it is there. */
export function pidsOf(folder: JobFolder): { readonly host: number; readonly workers: readonly number[] } {
  try {
    const json: { host: number; workers: number[] } = JSON.parse(
      readFileSync(join(folder.path, 'out/run.json'), 'utf8'),
    )
    return { host: json.host, workers: json.workers }
  } catch {
    return { host: 0, workers: [] }
  }
}

/** Resolves when `what` answers true; asks again each 5 ms, since a file of another process tells nobody that it changed. */
export async function until(what: () => boolean, limitMs = 100_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!what()) {
    if (performance.now() > end) throw new Error(`did not become true within ${limitMs} ms: ${what.toString()}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

export const flagged = (folder: JobFolder, name: string): boolean =>
  readdirSync(join(folder.path, 'flags')).includes(name)
