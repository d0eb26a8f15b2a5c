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

/** Series at once: a run waits about as long as it computes. */
const lanes = 2

/** Kills of hosts and faults of workers in a minute, with much to spare: what CI has to reach in its part. */
const perMinute = { hostKills: 11, workerFaults: 33, eachServerFault: 1 } as const

/** Minutes in which every side of every failpoint comes round. */
const minutesForEach = 20

export const floorOf = (minutes: number): Floor => ({
  hostKills: Math.max(60, perMinute.hostKills * minutes),
  workerFaults: Math.max(180, perMinute.workerFaults * minutes),
  eachServerFault: Math.max(3, perMinute.eachServerFault * minutes),
  eachFailpoint: Math.floor(minutes / minutesForEach),
})

export async function programme({ seed, minutes, floor, seriesMax, say }: ProgrammeTerms): Promise<Tally> {
  const tally = new Tally()
  const began = performance.now()
  const due = (): boolean => performance.now() - began < minutes * 60_000 || tally.missing(floor).length > 0
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < seriesMax && due()) {
      const mine = seed + begun
      begun += 1
      const chance = new Chance(mine, 2)
      const terms = { seed: mine, rows: chance.pick([8_000, 12_000, 16_000]), hostKillsMax: chance.between(8, 24) }
      const own = new Tally()
      await series(terms, own)
      tally.add(own)
      const seconds = ((performance.now() - began) / 1_000).toFixed(0)
      const what = `${own.hostKills} kills of hosts, ${own.workerFaults} faults of workers`
      say(`${seconds.padStart(5)} s  seed ${mine}, ${terms.rows} rows: ${what}`)
      for (const sentence of own.wrong) say(`  WRONG ${sentence}`)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return tally
}
