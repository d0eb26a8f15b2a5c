/**
 * A series: one input, and runs of the job over it that die until it is done. After each death nothing of the run may be
 * left within two seconds; after the last run the checker judges all of it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ArmedFailpoint } from '../../src/base/index.js'
import { Chance } from '../../src/testing/simulation/chance.js'
import { type Ended } from '../support/cli.js'
import { type Reader, draw, finished, reader, stopped } from './checker.js'
import { type HostFault, type HostFaultKind, drawHostFault, drawOtherCode } from './faults.js'
import { type Hurt, runHurt } from './run-hurt.js'
import {
  type Left,
  type Scratch,
  clearFlags,
  isClean,
  isFinished,
  leftOf,
  makeScratch,
  temporaryFiles,
} from './scratch.js'
import { type Tally } from './tally.js'

export interface SeriesTerms {
  readonly seed: number
  readonly rows: number
  /** Hosts that may be killed before the run is left to end. */
  readonly hostKillsMax: number
}

const goneMsMax = 2_000
/** About as many failpoints as a series comes to, so that the next seed goes on where this one ends. */
const turnsPerSeed = 7
const runMsMax = 240_000
/** Signals to workers in the run that is left to end; then it has to, in that time. */
const lastStrikesMax = 50
const exitInUse = 75
/** Kills of workers in a run after which one of them must have been counted: a single one may come when all is done. */
const killsToBeCounted = 3

export async function series(terms: SeriesTerms, tally: Tally): Promise<void> {
  const scratch = makeScratch(`canary-${terms.seed}-of-the-host`)
  try {
    await draw(scratch.path, terms)
    const beside = reader(scratch.path)
    const one = new Series(scratch, beside, terms, tally)
    await one.go()
  } finally {
    scratch.remove()
  }
}

class Series {
  private readonly chance: Chance
  private readonly printed: string[] = []
  /** Failpoints that were drawn. */
  private turn: number
  private last: { kind: HostFaultKind; at: ArmedFailpoint | null; deep: number } | null = null
  private runs = 0

  constructor(
    private readonly scratch: Scratch,
    private readonly beside: Reader,
    private readonly terms: SeriesTerms,
    private readonly tally: Tally,
  ) {
    this.chance = new Chance(terms.seed, 3)
    this.turn = terms.seed * turnsPerSeed
  }

  async go(): Promise<void> {
    const { tally, terms } = this
    let done: Hurt | null = null
    for (let kills = 0; done === null && kills < terms.hostKillsMax; kills += 1) {
      const { last, turn } = this
      const fault = drawHostFault(this.chance, { kind: last?.kind ?? null, deep: last?.deep ?? 0, turn })
      if (fault.kind === 'host at a failpoint') this.turn += 1
      const hurt = await this.hurt(fault)
      // One that was killed behind its end would begin anew.
      if (hurt.ended.signal !== 'SIGKILL' || isFinished(this.scratch)) done = hurt
    }
    done ??= await this.hurt(null)
    tally.series += 1
    tally.rows += terms.rows
    const { views, broken } = await this.beside.stop()
    tally.views += views
    tally.broke(this.where, broken)
    await this.judge(done)
  }

  private async hurt(fault: HostFault | null): Promise<Hurt> {
    const { scratch, chance, tally } = this
    clearFlags(scratch)
    this.runs += 1
    const workers = chance.pick([1, 2, 3])
    const batchRows = chance.pick([50, 100, 200])
    const strikesMax = fault === null ? lastStrikesMax : Number.POSITIVE_INFINITY
    const otherCode = fault === null ? drawOtherCode(chance) : fault.kind === 'host in a swap' ? fault.code : null
    const terms = { chance, fault, otherCode, workers, batchRows, strikesMax, limitMs: runMsMax }
    const hurt = await runHurt(scratch, terms)
    const { ended, refusal } = hurt
    this.printed.push(ended.stdout, ended.stderr)
    const counters = countersOf(ended)
    tally.count(counters)
    tally.workerFaults += Math.max(hurt.workersStruck, counters['worker.lost'] ?? 0)
    for (const kind of hurt.serversStruck) tally.struckServer(kind)
    if (this.last !== null && hurt.recoverySeconds !== null)
      tally.recovered(this.last.kind, this.last.at, hurt.recoverySeconds)
    this.refused(refusal)
    if (hurt.otherCode !== null) tally.count({ [`other code ${hurt.otherCode}`]: 1 })
    if (otherCode === 'bug' && hurt.otherCode === 'kept') tally.wrong.push(`${this.where}: code with a bug was kept`)
    if (ended.signal === 'SIGKILL' && fault !== null) this.died(fault)
    const left = await this.settled()
    if (!isClean(left)) tally.wrong.push(`${this.where}: O12 is broken, left over: ${JSON.stringify(left)}`)
    if (ended.signal === 'SIGKILL' && !isFinished(scratch)) await this.lookAtStop()
    return hurt
  }

  /** What the next run has to do is counted, so that a programme that never asks for it is seen. */
  private async lookAtStop(): Promise<void> {
    const { epoch, forward, back, broken } = await stopped(this.scratch.path)
    this.tally.broke(this.where, broken)
    this.tally.count({ 'stop in an epoch': Number(epoch > 0), 'stop to roll forward': Number(forward > 0) })
    this.tally.count({ 'stop to roll back': Number(back > 0) })
  }

  private died(fault: HostFault): void {
    const at = fault.kind === 'host at a failpoint' ? fault.at : null
    this.tally.struck(fault.kind, at)
    this.last = { kind: fault.kind, at, deep: fault.kind === 'host in its start' ? fault.deep : 0 }
  }

  private refused(refusal: Ended | null): void {
    if (refusal === null) return
    this.printed.push(refusal.stdout, refusal.stderr)
    if (refusal.code === exitInUse && refusal.stderr.includes('ANB4007')) this.tally.refusedRuns += 1
    else this.tally.wrong.push(`${this.where}: a second run was not refused: ${refusal.code} ${refusal.stderr}`)
  }

  private async settled(): Promise<Left> {
    const until = performance.now() + goneMsMax
    for (;;) {
      const left = leftOf(this.scratch, this.beside.pid)
      if (isClean(left) || performance.now() > until) return left
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  private async judge(done: Hurt): Promise<void> {
    const { scratch, tally, last } = this
    const { ended } = done
    const left = leftOf(scratch, this.beside.pid)
    // Behind its end: it has told nothing, and the next run would clear up.
    const wasKilled = ended.signal !== null
    const facts = {
      left: {
        ...left,
        files: wasKilled ? left.files : [...left.files, ...temporaryFiles(scratch)],
        open_files: done.openFiles,
        rss_bytes: done.rssBytes,
      },
      runs: [
        {
          done: ended.code === 0 || isFinished(scratch),
          why: ended.stderr.slice(-2_000),
          seconds: done.seconds,
          limit_seconds: runMsMax / 1_000,
          // One that had nothing left to read has nothing to show.
          after_crash: last !== null && (countersOf(ended)['lease.resent'] ?? 0) > 0,
          recovery_seconds: done.recoverySeconds,
        },
      ],
      faults: { 'worker killed': !wasKilled && done.workersKilled >= killsToBeCounted ? done.workersKilled : 0 },
      counters: countersOf(ended),
      rows_dead: ended.json?.['rows_dead'] ?? null,
      printed: this.printed,
      canary: scratch.canary,
    }
    const path = join(scratch.path, 'facts.json')
    writeFileSync(path, JSON.stringify(facts))
    const { broken } = await finished(scratch.path, path)
    tally.broke(this.where, broken)
  }

  private get where(): string {
    return `seed ${this.terms.seed}, run ${this.runs}`
  }
}

function countersOf({ json }: Ended): Readonly<Record<string, number>> {
  const counters = json?.['counters']
  if (typeof counters !== 'object' || counters === null) return {}
  return Object.fromEntries(
    Object.entries(counters).filter((each): each is [string, number] => typeof each[1] === 'number'),
  )
}
