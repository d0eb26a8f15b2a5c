/**
 * A start at a savepoint of state of which a tenth has room in memory: from the command to the first row that comes out, with the
 * start of Node and of the worker. Each row says how often its key came, so lost state would show.
 *
 * Memory is that of the start until this row, as `budget.ts` counts it, less that of the same start with a thousand keys.
 */
import { type Server } from 'node:net'
import { join } from 'node:path'
import { askSavepoint } from '../../../src/control/index.js'
import { type Bench } from '../bench.js'
import { type Figure, rounded } from '../figure.js'
import { type Asked, type Counts, countsOf, inFolder, startJob } from '../run-job.js'
import { watchTree } from '../tree.js'
import { memoryOf } from './budget.js'
import { Reader, anEpochLater, firstRow, remembering, values } from './recover.js'

export interface Beginning {
  readonly name: string
  readonly keys: number
  readonly secondsMax: number
  /** Of the state as much as memory may hold. */
  readonly memoryShare: number
}

const fewKeys = 1_000
const over = 1.25
const lookMs = 20

export const beginningBench = (beginning: Beginning): Bench => ({
  name: beginning.name,
  inputs: [],
  measure: () => measure(beginning),
  once: null,
})

interface Began {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly counts: Counts
  readonly wrong: string | null
  readonly rows: number
}

async function measure({ name, keys, secondsMax, memoryShare }: Beginning): Promise<readonly Figure[]> {
  const budget = Math.round(memoryShare * keys * values.keyBytes)
  const few = await began(fewKeys, budget)
  const { seconds, cpuSeconds, peakBytes, counts, wrong, rows } = await began(keys, budget)
  const used = peakBytes - few.peakBytes
  const figure: Figure = {
    name,
    value: rounded(seconds),
    unit: 's',
    baseline: null,
    ratio: null,
    target: secondsMax,
    met: wrong === null && seconds <= secondsMax && used <= over * budget,
    spread: null,
    checksum: rows,
    wrong,
    also: {
      cpu_s: rounded(cpuSeconds),
      restore_s: rounded((counts.epochs?.restore_ms ?? Number.NaN) / 1_000),
      state_mb: rounded((keys * values.keyBytes) / 1e6, 0),
      budget_mb: rounded(budget / 1e6, 0),
      memory_mb: rounded(used / 1e6, 0),
      of_few_keys_mb: rounded(few.peakBytes / 1e6, 0),
    },
  }
  return [figure]
}

/** A job meets all keys, and another one begins at its savepoint. */
function began(keys: number, budget: number): Promise<Began> {
  return inFolder(async folder => {
    const asked = remembering(folder, { state: values, keys, budgetBytes: budget })
    const reader = new Reader(keys)
    const server = await reader.listen(join(folder, 'out.sock'))
    const from = await saved(asked, reader, join(folder, 'before'))
    const start = performance.now()
    const job = startJob({ ...asked, from }, join(folder, 'after'))
    const tree = watchTree(job.pid, { everyMs: 100, memory: false })
    let peakBytes = 0
    const looking = setInterval(() => {
      peakBytes = Math.max(peakBytes, memoryOf(job.pid).anonymous)
    }, lookMs)
    try {
      await firstRow(reader, job)
      const seconds = (performance.now() - start) / 1_000
      clearInterval(looking)
      const { host, below } = tree.seen().cpuSeconds
      job.child.kill('SIGINT')
      const counts = await countsOf(values.job, job)
      return { seconds, cpuSeconds: host + below, peakBytes, counts, wrong: reader.wrong(), rows: reader.rows }
    } finally {
      clearInterval(looking)
      tree.stop()
      await ended(job.child, server)
    }
  })
}

/** Answers the path of its savepoint. */
async function saved(asked: Asked, reader: Reader, out: string): Promise<string> {
  const job = startJob(asked, out)
  try {
    await firstRow(reader, job)
    await anEpochLater(out)
    const { path } = await askSavepoint(out, null)
    job.child.kill('SIGINT')
    await countsOf(values.job, job)
    return path
  } finally {
    job.child.kill('SIGKILL')
  }
}

async function ended(child: { kill(signal: 'SIGKILL'): boolean }, server: Server): Promise<void> {
  child.kill('SIGKILL')
  await new Promise(resolve => server.close(resolve))
}
