/** The short version of `npm run chaos`: what the checker says of a job that is killed all the time, and that it was. */
import { expect, test } from 'vitest'
import { floorOf, programme } from '../chaos/programme.js'

const minutesMax = 30

test('S1 W25 a job whose hosts and workers are killed all the time loses nothing and doubles nothing', {
  timeout: minutesMax * 60_000,
}, async () => {
  const floor = floorOf(0)
  expect(floor).toEqual({ hostKills: 60, workerFaults: 180, eachServerFault: 3, eachFailpoint: 0 })
  const said: string[] = []
  const tally = await programme({ seed: 1, minutes: 0, floor, seriesMax: 40, say: line => said.push(line) })
  expect(tally.verdict(floor), [...said, ...tally.report()].join('\n')).toEqual([])
})
