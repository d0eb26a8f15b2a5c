/** One run of the job while faults strike it: its host as the fault says, its workers as chance says. */
import { readdirSync, readFileSync } from 'node:fs'
import { type ArmedFailpoint } from '../../src/base/index.js'
import { type Chance } from '../../src/testing/simulation/chance.js'
import { type Ended, type Started, startCli } from '../support/cli.js'
import { serverOf } from '../support/strike.js'
import {
  type HostFault,
  type ServerFault,
  type WorkerStrike,
  drawWorkerFailpoint,
  drawWorkerStrike,
  failpointText,
} from './faults.js'
import { type OtherCode, type WordOnIt, askForOtherCode } from './other-code.js'
import { type Scratch, bytesOut, workersOf } from './scratch.js'

export interface Hurt {
  readonly ended: Ended
  readonly seconds: number
  /** From the start to the first rows that came out; null: none did. */
  readonly recoverySeconds: number | null
  /** Workers that were signalled. */
  readonly workersStruck: number
  readonly workersKilled: number
  /** Fork servers that were signalled, by kind of fault. */
  readonly serversStruck: readonly ServerFault[]
  /** A second run of the same folder was refused, as it must be; null: none was tried. */
  readonly refusal: Ended | null
  /** What became of other code; null: nobody asked. */
  readonly otherCode: WordOnIt | null
  /** Open files and resident bytes of the host, by the number of the fault. */
  readonly openFiles: readonly (readonly [number, number])[]
  readonly rssBytes: readonly (readonly [number, number])[]
}

export interface HurtTerms {
  readonly chance: Chance
  /** null: the host is left alone. */
  readonly fault: HostFault | null
  /** Asked for as soon as the run listens; null: none. */
  readonly otherCode: OtherCode | null
  readonly workers: number
  readonly batchRows: number
  readonly limitMs: number
  /** Signals to workers after which they are left alone. */
  readonly strikesMax: number
}

const lookMs = 15
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export async function runHurt(scratch: Scratch, terms: HurtTerms): Promise<Hurt> {
  const run = new HurtRun(scratch, terms)
  return run.go()
}

class HurtRun {
  private readonly started: Started
  private readonly began = performance.now()
  private over = false
  private recoverySeconds: number | null = null
  /** How often rows were seen to come out. */
  private progress = 0
  private struck = 0
  private killed = 0
  private readonly servers: ServerFault[] = []
  private refusal: Ended | null = null
  private asked = false
  private otherCode: WordOnIt | null = null
  private readonly openFiles: (readonly [number, number])[] = []
  private readonly rssBytes: (readonly [number, number])[] = []

  constructor(
    private readonly scratch: Scratch,
    private readonly terms: HurtTerms,
  ) {
    const { fault, chance } = terms
    const armed = [fault?.kind === 'host at a failpoint' ? fault.at : null, drawWorkerFailpoint(chance, fault === null)]
    this.started = startCli(['run', 'job.ts', ...this.args], {
      cwd: scratch.path,
      env: { ...scratch.env, ANABRANCH_FAILPOINT: failpointText(armed) },
      timeoutMs: terms.limitMs,
    })
  }

  private get args(): readonly string[] {
    const { workers, batchRows } = this.terms
    return [
      '--json',
      '--out',
      'out',
      '--epoch',
      '50ms',
      '--workers',
      String(workers),
      '--batch-rows',
      String(batchRows),
    ]
  }

  async go(): Promise<Hurt> {
    const ended = this.started.ended.finally(() => {
      this.over = true
    })
    await Promise.all([this.seeRowsCome(), this.strikeWorkers(), this.strikeHost(), this.swapCode(), ended])
    const { recoverySeconds, refusal, otherCode, openFiles, rssBytes } = this
    const seconds = (performance.now() - this.began) / 1_000
    const workers = { workersStruck: this.struck, workersKilled: this.killed, serversStruck: this.servers }
    return { ended: await ended, seconds, recoverySeconds, refusal, otherCode, openFiles, rssBytes, ...workers }
  }

  private async seeRowsCome(): Promise<void> {
    let last = Number.POSITIVE_INFINITY
    while (!this.over) {
      const bytes = bytesOut(this.scratch)
      if (bytes > last) {
        this.recoverySeconds ??= (performance.now() - this.began) / 1_000
        this.progress += 1
      }
      // What an earlier run left may be taken away first.
      last = bytes
      await pause(lookMs)
    }
  }

  private async strikeWorkers(): Promise<void> {
    const { chance, strikesMax } = this.terms
    while (this.waitsForWord) await pause(lookMs)
    while (!this.over && this.struck < strikesMax) {
      const strike = drawWorkerStrike(chance)
      const before = this.progress
      await pause(strike.waitMs)
      // Workers that die one after the other before any has answered rightly stop the job.
      while (!this.over && this.progress === before) await pause(lookMs)
      if (this.over) return
      const pids = workersOf(this.scratch)
      const pid = pids[Math.floor(strike.which * pids.length)]
      if (pid === undefined) continue
      if (strike.target === 'worker') this.strikeAll([pid], strike)
      else this.strikeServer(strike.target, serverOf(pid), strike)
      this.sample()
    }
  }

  /** One that is there is struck; where Python is spawned there is none. */
  private strikeServer(target: ServerFault, servers: readonly number[], strike: WorkerStrike): void {
    const workers = target === 'fork server' ? [] : workersOf(this.scratch)
    const hit = servers.filter(pid => signal(pid, strike.signal))
    if (hit.length === 0) return
    this.servers.push(target)
    if (strike.signal === 'SIGSTOP') this.wakeLater(hit, strike)
    this.strikeAll(workers, strike)
  }

  private strikeAll(workers: readonly number[], strike: WorkerStrike): void {
    const hit = workers.filter(pid => signal(pid, strike.signal))
    this.struck += hit.length
    if (strike.signal === 'SIGKILL') this.killed += hit.length
    else this.wakeLater(hit, strike)
  }

  private wakeLater(pids: readonly number[], { stillMs }: WorkerStrike): void {
    void pause(stillMs).then(() => pids.forEach(pid => signal(pid, 'SIGCONT')))
  }

  /** Other code is refused where the worker that is to have it dies: some runs let it come. */
  private get waitsForWord(): boolean {
    const { fault } = this.terms
    return !this.over && fault?.kind === 'host in a swap' && fault.judged && this.otherCode === null
  }

  private sample(): void {
    const files = openFilesOf(this.started.pid)
    if (files > 0) this.openFiles.push([this.struck, files])
    const rss = rssBytesOf(this.started.pid)
    if (rss > 0) this.rssBytes.push([this.struck, rss])
  }

  private isTimeFor(fault: HostFault): boolean {
    if (fault.kind === 'host in its start') return true
    if (fault.kind === 'host in a swap') return fault.judged ? this.otherCode !== null : this.asked
    return this.recoverySeconds !== null
  }

  private async swapCode(): Promise<void> {
    const { otherCode } = this.terms
    if (otherCode === null) return
    while (!this.over && workersOf(this.scratch).length === 0) await pause(lookMs)
    this.asked = true
    this.otherCode = await askForOtherCode(this.scratch.out, otherCode)
  }

  private async strikeHost(): Promise<void> {
    const { fault } = this.terms
    if (fault === null) return
    while (!this.over && !this.isTimeFor(fault)) await pause(lookMs)
    await pause(fault.afterMs)
    if (this.over) return
    const { pid } = this.started
    if (fault.kind === 'host at a failpoint') return this.askFor(fault.at)
    if (fault.kind === 'host stopped') {
      signal(pid, 'SIGSTOP')
      const second = startCli(['run', 'job.ts', ...this.args], { cwd: this.scratch.path, env: this.scratch.env })
      await pause(fault.stillMs)
      this.refusal = await second.ended
      signal(pid, 'SIGCONT')
      await pause(fault.afterMs)
    }
    const workers = fault.kind === 'host and workers' ? workersOf(this.scratch) : []
    if (!signal(pid, 'SIGKILL')) return
    const hit = workers.filter(worker => signal(worker, 'SIGKILL')).length
    this.struck += hit
    this.killed += hit
  }

  /** Steps that no run takes by itself. */
  private async askFor({ name }: ArmedFailpoint): Promise<void> {
    const { path, env } = this.scratch
    if (name === 'shutdown.drain') signal(this.started.pid, 'SIGINT')
    if (name === 'savepoint.publish') await startCli(['savepoint', 'create', 'out'], { cwd: path, env }).ended
  }
}

/** Answers false where the process was gone already. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function openFilesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}

const pageBytes = 4_096

function rssBytesOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * pageBytes
  } catch {
    return 0
  }
}
