/** What a programme has done and seen so far, and the report of it. */
import { type ArmedFailpoint } from '../../src/base/index.js'
import { type Broken } from './checker.js'
import { type HostFaultKind, type ServerFault, failpointSides, serverFaults } from './faults.js'

/** What it must have injected at least, or it has shown nothing. */
export interface Floor {
  readonly hostKills: number
  readonly workerFaults: number
  /** Fork servers that were struck, alone and with their workers. */
  readonly eachServerFault: number
  /** Hosts that died on each side of each failpoint. */
  readonly eachFailpoint: number
}

/** Counters of runs that must not be 0 at the end: else the faults did not reach what they are for. */
const evidence: readonly (readonly [counter: string, what: string])[] = [
  ['lease.resent', 'a batch sent again'],
  ['reply.stale', 'a stale reply dropped'],
  ['lease.halved', 'a batch halved'],
  ['frame.refused', 'a frame refused'],
  ['worker.lost', 'a worker lost'],
  ['stop to roll forward', 'an epoch that was rolled forward'],
  ['stop to roll back', 'rows that were taken back'],
]

/** Beside these, of a programme that is long enough for each failpoint to have its turn. */
const evidenceOfLong: typeof evidence = [
  ['other code kept', 'other code that was swapped in'],
  ['other code thrown away', 'code with a bug that was thrown away'],
]

export class Tally {
  readonly recoveries = new Map<string, number[]>()
  readonly faults = new Map<string, number>()
  readonly counters: Record<string, number> = {}
  readonly wrong: string[] = []
  hostKills = 0
  workerFaults = 0
  refusedRuns = 0
  series = 0
  rows = 0
  views = 0

  /** A host died of a fault, or stood still. */
  struck(kind: HostFaultKind, at: ArmedFailpoint | null): void {
    for (const name of namesOf(kind, at)) this.faults.set(name, (this.faults.get(name) ?? 0) + 1)
    if (kind !== 'host stopped') this.hostKills += 1
  }

  /** A fork server was. */
  struckServer(kind: ServerFault): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1)
  }

  /** What of these is due and was not done. */
  missing(floor: Floor): readonly string[] {
    const due = (times: number, what: string, least: number): readonly string[] =>
      times < least ? [`${times} ${what}, ${least} are due`] : []
    return [
      ...due(this.hostKills, 'kills of hosts', floor.hostKills),
      ...due(this.workerFaults, 'faults of workers', floor.workerFaults),
      ...serverFaults.flatMap(kind => due(this.faults.get(kind) ?? 0, `faults of ${kind}`, floor.eachServerFault)),
    ]
  }

  /** What another one has seen beside it. */
  add(other: Tally): void {
    for (const [name, times] of other.faults) this.faults.set(name, (this.faults.get(name) ?? 0) + times)
    for (const [name, seconds] of other.recoveries)
      this.recoveries.set(name, [...(this.recoveries.get(name) ?? []), ...seconds])
    this.count(other.counters)
    this.wrong.push(...other.wrong)
    this.hostKills += other.hostKills
    this.workerFaults += other.workerFaults
    this.refusedRuns += other.refusedRuns
    this.series += other.series
    this.rows += other.rows
    this.views += other.views
  }

  /** So long after the start that followed rows came out again. */
  recovered(kind: HostFaultKind, at: ArmedFailpoint | null, seconds: number): void {
    for (const name of namesOf(kind, at)) this.recoveries.set(name, [...(this.recoveries.get(name) ?? []), seconds])
  }

  count(counters: Readonly<Record<string, number>>): void {
    for (const [name, by] of Object.entries(counters)) this.counters[name] = (this.counters[name] ?? 0) + by
  }

  broke(where: string, broken: Broken): void {
    for (const [rule, { count, first }] of Object.entries(broken))
      this.wrong.push(`${where}: ${rule} is broken ${count} times: ${first.join('; ')}`)
  }

  /** What is wrong: rules that were broken, and what the programme did not reach. */
  verdict(floor: Floor): readonly string[] {
    const due = floor.eachFailpoint > 0 ? [...evidence, ...evidenceOfLong] : evidence
    const missing = due.filter(([counter]) => (this.counters[counter] ?? 0) === 0)
    return [
      ...this.wrong,
      ...missing.map(([counter, what]) => `no run shows ${what} (${counter} is 0): the faults were vacuous`),
      ...this.missing(floor),
      ...failpointSides.flatMap(({ name, side }) => {
        const times = this.faults.get(cellOf(name, side)) ?? 0
        return times < floor.eachFailpoint
          ? [`${times} hosts died ${side} ${name}, ${floor.eachFailpoint} are due`]
          : []
      }),
    ]
  }

  /** Lines: faults with the times of the recovery after them, then what the runs counted. */
  report(): readonly string[] {
    const all = [...this.faults].sort(([a], [b]) => (a < b ? -1 : 1))
    const cells = all.map(([name, times]) => {
      const seconds = (this.recoveries.get(name) ?? []).toSorted((a, b) => a - b)
      const at = (share: number): string => milliseconds(seconds[Math.floor(share * (seconds.length - 1))])
      return `${name.padEnd(40)} ${String(times).padStart(6)} ${at(0.5).padStart(12)} ${at(0.99).padStart(12)}`
    })
    const counted = Object.entries(this.counters).sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      `${'fault'.padEnd(40)} ${'times'.padStart(6)} ${'recovery p50'.padStart(12)} ${'p99'.padStart(12)}`,
      ...cells,
      '',
      `${this.series} inputs of ${this.rows} rows, ${this.hostKills} kills of hosts, ${this.workerFaults} faults of workers, ` +
        `${this.refusedRuns} second runs refused, ${this.views} views of a reader`,
      counted.map(([name, count]) => `${name} ${count}`).join(', '),
    ]
  }
}

const namesOf = (kind: HostFaultKind, at: ArmedFailpoint | null): readonly string[] =>
  at === null ? [kind] : [kind, cellOf(at.name, at.side)]

const cellOf = (name: string, side: string): string => `  ${name} ${side}`

const milliseconds = (seconds: number | undefined): string =>
  seconds === undefined ? '-' : `${Math.round(seconds * 1_000)} ms`
