/** The fault programme: series of one seed after the other until its time is over and its floor is reached. */
import { Chance } from '../../src/testing/simulation/chance.js'
import { series } from './series.js'
import { type Floor, Tally } from './tally.js'

export interface ProgrammeTerms {
  readonly seed: number
  /** It ends with the series in which this time is over, and not before its floor is reached. */
  readonly minutes: number
  readonly floor: Floor
  /** Series after which it ends, floor or not: what does not get there must not go on for ever. */
  readonly seriesMax: number
  readonly say: (line: string) => void
}

/** Kills of hosts and faults of workers in a minute, with much to spare: what CI has to reach in its part. */
const perMinute = { hostKills: 11, workerFaults: 33 } as const

/** Minutes in which every side of every failpoint comes round. */
const minutesForEach = 20

export const floorOf = (minutes: number): Floor => ({
  hostKills: Math.max(60, perMinute.hostKills * minutes),
  workerFaults: Math.max(180, perMinute.workerFaults * minutes),
  eachFailpoint: Math.floor(minutes / minutesForEach),
})

export async function programme({ seed, minutes, floor, seriesMax, say }: ProgrammeTerms): Promise<Tally> {
  const tally = new Tally()
  const began = performance.now()
  const due = (): boolean =>
    performance.now() - began < minutes * 60_000 ||
    tally.hostKills < floor.hostKills ||
    tally.workerFaults < floor.workerFaults
  for (let i = 0; i < seriesMax && due(); i += 1) {
    const mine = seed + i
    const chance = new Chance(mine, 2)
    const terms = { seed: mine, rows: chance.pick([8_000, 12_000, 16_000]), hostKillsMax: chance.between(8, 24) }
    const before = { kills: tally.hostKills, faults: tally.workerFaults, wrong: tally.wrong.length }
    await series(terms, tally)
    const seconds = ((performance.now() - began) / 1_000).toFixed(0)
    const what = `${tally.hostKills - before.kills} kills of hosts, ${tally.workerFaults - before.faults} faults of workers`
    say(`${seconds.padStart(5)} s  seed ${mine}, ${terms.rows} rows: ${what}`)
    for (const sentence of tally.wrong.slice(before.wrong)) say(`  WRONG ${sentence}`)
  }
  return tally
}
