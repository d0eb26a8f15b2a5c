/**
 * `kill -9` of the host of a job with much state, and the same command again: how long it takes from there to the first row that comes out.
 * The start of Node and of the worker is in it; of the last recovery its parts are printed.
 *
 * Rows of the first pass over the keys only fill the state. Each later one says how often its key came, so a lost state
 * would show; and after the last run no row may be missing. Some come twice, since a socket takes nothing back.
 */
import { type Server, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { askStatus } from '../../../src/control/index.js'
import { type Started } from '../../support/cli.js'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, median, rounded, spreadOf } from '../figure.js'
import { type Asked, type Counts, countsOf, inFolder, startJob } from '../run-job.js'

export interface Recovery {
  readonly name: string
  readonly state: Remembered
  readonly keys: number
  readonly secondsMax: number
  /** Of the kills that were asked for. */
  readonly share: number
  /** Of the state as much as memory may hold; null: all of it. */
  readonly memoryShare: number | null
}

/** A job that remembers its keys, and what one of them takes in a block. */
export interface Remembered {
  readonly job: string
  readonly keyBytes: number
}

/** The key and twelve numbers. */
export const values: Remembered = { job: 'remembers', keyBytes: 104 }
/** A number that expires, an item of each of two lists and an entry of a map, of 80 characters each: four rows. */
export const collections: Remembered = { job: 'remembers_lists', keyBytes: 364 }

const perSecond = 1_000
const lookMs = 50

export const recoverBench = (recovery: Recovery): Bench => ({
  name: recovery.name,
  inputs: [],
  measure: settings => measure(recovery, settings),
  once: null,
})

interface Recovered {
  readonly seconds: readonly number[]
  readonly counts: Counts
  readonly stateBytes: number
  readonly wrong: string | null
  readonly rows: number
}

async function measure(recovery: Recovery, { kills }: Settings): Promise<readonly Figure[]> {
  const { name, secondsMax, share } = recovery
  const { seconds, counts, stateBytes, wrong, rows } = await recovered(recovery, Math.max(1, Math.round(kills * share)))
  const value = Math.max(...seconds)
  const figure: Figure = {
    name,
    value: rounded(value),
    unit: 's',
    baseline: null,
    ratio: null,
    target: secondsMax,
    met: wrong === null && value <= secondsMax,
    spread: spreadOf(seconds),
    checksum: rows,
    wrong,
    also: {
      kills: seconds.length,
      median_s: rounded(median(seconds)),
      state_mb: rounded(stateBytes / 1e6, 0),
      last_s: seconds.at(-1) ?? Number.NaN,
      of_it_until_rows_flow_s: rounded(counts.seconds - counts.flow_seconds),
      store_open_s: rounded((counts.epochs?.open_ms ?? Number.NaN) / 1_000),
      restore_s: rounded((counts.epochs?.restore_ms ?? Number.NaN) / 1_000),
      each_s: seconds.map(s => s.toFixed(2)).join(' '),
    },
  }
  return [figure]
}

function recovered({ state, keys, memoryShare }: Recovery, kills: number): Promise<Recovered> {
  return inFolder(async folder => {
    const out = join(folder, 'out')
    const budgetBytes = memoryShare === null ? null : Math.round(memoryShare * keys * state.keyBytes)
    const asked = remembering(folder, { state, keys, budgetBytes })
    const reader = new Reader(keys)
    const server = await reader.listen(join(folder, 'out.sock'))
    let job = startJob(asked, out)
    try {
      await firstRow(reader, job)
      const seconds: number[] = []
      while (seconds.length < kills) {
        await anEpochLater(out)
        job.child.kill('SIGKILL')
        await job.ended
        const began = performance.now()
        job = startJob(asked, out)
        await firstRow(reader, job)
        seconds.push((performance.now() - began) / 1_000)
      }
      await anEpochLater(out)
      const { stateBytes } = await askStatus(out)
      job.child.kill('SIGINT')
      const counts = await countsOf(state.job, job)
      return { seconds, counts, stateBytes, wrong: reader.wrong(), rows: reader.rows }
    } finally {
      job.child.kill('SIGKILL')
      server.close()
    }
  })
}

/** A job that meets all keys and goes on for as long as it is let; with a null budget its state is in memory. */
export function remembering(
  input: string,
  {
    state,
    keys,
    budgetBytes,
  }: { readonly state: Remembered; readonly keys: number; readonly budgetBytes: number | null },
): Asked {
  return {
    name: state.job,
    input,
    into: 'null',
    workers: 1,
    epoch: '1s',
    ...(budgetBytes !== null && { stateBudget: `${budgetBytes}B` }),
    keys: { keys, perSecond, seconds: null },
  }
}

/** The next row that comes; a job that ends before it says why. */
export function firstRow(reader: Reader, { ended }: Started): Promise<void> {
  const failed = ended.then(({ code, signal, stderr }) => {
    throw new Error(`the job ended with ${code ?? signal} before its first row:\n${stderr.slice(-4000)}`)
  })
  return Promise.race([reader.next(), failed])
}

/** Once all that was read so far is in an epoch that is finished. */
export async function anEpochLater(out: string): Promise<void> {
  for (let wanted = Number.NaN; ; ) {
    const { epochs } = await askStatus(out)
    if (epochs === null) throw new Error('expected a run with epochs')
    if (Number.isNaN(wanted)) wanted = epochs.epoch
    if (epochs.epoch - 1 - epochs.open >= wanted) return
    await new Promise(resolve => setTimeout(resolve, lookMs))
  }
}

/** Who gets the rows, over all runs of the job. */
export class Reader {
  private readonly seen = new Set<number>()
  private last = -1
  private said: string | null = null
  private tell: () => void = () => undefined

  constructor(private readonly keys: number) {}

  get rows(): number {
    return this.seen.size
  }

  next(): Promise<void> {
    return new Promise(resolve => {
      this.tell = resolve
    })
  }

  listen(path: string): Promise<Server> {
    const server = createServer(peer => {
      // A host that is killed leaves in the middle of a line.
      peer.on('error', () => undefined)
      createInterface({ input: peer }).on('line', line => line.endsWith('}') && this.take(line))
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => resolve(server))
    })
  }

  wrong(): string | null {
    const lost = this.last + 1 - this.keys - this.seen.size
    return this.said ?? (lost === 0 ? null : `${lost} rows lost`)
  }

  private take(line: string): void {
    const { at, z }: { at: number; z: number } = JSON.parse(line)
    const expected = Math.floor(at / this.keys) + 1
    if (z !== expected) this.said ??= `row ${at}: expected it as ${expected} of its key, got ${z}`
    this.seen.add(at)
    this.last = Math.max(this.last, at)
    this.tell()
  }
}
