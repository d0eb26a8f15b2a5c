/** One run of a job by the built command, in a process of its own, as a user runs it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../support/repository.js'
import { type Started, startCli } from '../support/cli.js'
import { jobFile } from './places.js'
import { endedChildrenCpuSeconds, watchTree } from './tree.js'

/** Which job of `jobs/job.ts`. */
export interface Asked {
  readonly name: string
  /** An input file without its ending, or the folder of the sockets. */
  readonly input: string
  readonly into: 'null' | 'files'
  readonly workers: number
  /** Undefined: as many as `run` keeps by itself. */
  readonly spares?: number
  /** Undefined: what `run` does by itself. */
  readonly epoch?: string
  /** Undefined: as the job says. */
  readonly stateBudget?: string
  /** The savepoint that it begins at. */
  readonly from?: string
  /** Of a sink of files. */
  readonly delivery?: 'exactly-once' | 'at-least-once'
  /** Where keys are made on the fly: `jobs/keys.ts`. */
  readonly keys?: {
    readonly keys: number
    readonly uniform?: boolean
    readonly perSecond: number | null
    readonly seconds: number | null
  }
}

/** As `run --json` says them. */
export interface EpochFacts {
  readonly count: number
  readonly cut_ms_p50: number | null
  readonly cut_ms_p99: number | null
  readonly cut_ms_max: number | null
  readonly bytes_written: number
  readonly bytes_changed: number
  readonly bytes_beyond: number
  readonly resumed_from: number | null
  readonly open_ms: number
  readonly restore_ms: number
}

export interface Counts {
  readonly rows_in: number
  readonly rows_out: number
  readonly rows_dead: number
  readonly seconds: number
  readonly flow_seconds: number
  readonly checksums: Readonly<Record<string, number>>
  readonly counters: Readonly<Record<string, number>>
  readonly epochs: EpochFacts | null
}

const timeoutMs = 900_000

/** `nodeOptions` are Node's own, as for a profile; those of a profile are not taken from NODE_OPTIONS. */
export function startJob(asked: Asked, out: string, nodeOptions = ''): Started {
  const { workers, spares, epoch, stateBudget, from, ...bench } = asked
  const args = [
    'run',
    jobFile,
    '--json',
    '--workers',
    String(workers),
    '--out',
    out,
    ...(spares === undefined ? [] : ['--spares', String(spares)]),
    ...(epoch === undefined ? [] : ['--epoch', epoch]),
    ...(stateBudget === undefined ? [] : ['--state-budget', stateBudget]),
    ...(from === undefined ? [] : ['--from', from]),
  ]
  const env = { ANABRANCH_BENCH: JSON.stringify(bench) }
  const prefix = nodeOptions === '' ? [] : ['bash', '-c', `exec "$0" ${nodeOptions} "$@"`]
  return startCli(args, { cwd: repository, env, timeoutMs, prefix })
}

/** Throws with what the job printed where it did not end well. */
export async function countsOf(name: string, started: Started): Promise<Counts> {
  const { code, signal, stdout, stderr } = await started.ended
  if (code !== 0) throw new Error(`job ${name} ended with ${code ?? signal}:\n${stderr.slice(-4000)}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

export type Run = Counts & {
  /** Of the whole process tree. */
  readonly cpuSeconds: number
  /** How much of them the host used; the rest is Python's. */
  readonly hostShare: number
  /** That the host wrote to disks. */
  readonly diskBytes: number
}

export async function runJob(asked: Asked, out: string): Promise<Run> {
  const before = endedChildrenCpuSeconds()
  const job = startJob(asked, out)
  const tree = watchTree(job.pid, { everyMs: 100, memory: false })
  const counts = await countsOf(asked.name, job)
  const { cpuSeconds, diskBytes } = tree.stop()
  const { host, below } = cpuSeconds
  return { ...counts, cpuSeconds: endedChildrenCpuSeconds() - before, hostShare: host / (host + below), diskBytes }
}

/** A folder for the time of one measurement. Its path is short: sockets lie in it. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'anabranch-bench-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
