/**
 * `npm run chaos`: real hosts and workers of one job are killed and stopped at chance and at named failpoints, and the
 * checker in `oracle/` judges what comes out. `-- --minutes M` (2 unless given) scales it, `--seed N` repeats a series:
 * the seed fixes the input and what is struck, though not where a process is at that moment. Exit code 1 where a rule is
 * broken, or where fewer faults were injected than the floor.
 */
import { parseArgs } from 'node:util'
import { bugsNotFound } from './bugs.js'
import { floorOf, programme } from './programme.js'

/** A programme of so many minutes also tries the bugs that its checks are for. */
const bugsFromMinutes = 90

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const again = `npm run chaos -- --seed ${seed}`
  console.log(again)
  const minutes = Number(values.minutes ?? 2)
  const floor = floorOf(values.minutes === undefined ? 0 : minutes)
  const tally = await programme({ seed, minutes, floor, seriesMax: Number.POSITIVE_INFINITY, say: console.log })
  const missed = minutes >= bugsFromMinutes ? await bugsNotFound(console.log) : []
  const wrong = [...tally.verdict(floor), ...missed]
  console.log(['', ...tally.report(), '', ...wrong.map(each => `WRONG ${each}`)].join('\n'))
  console.log(again)
  process.exitCode = wrong.length === 0 ? 0 : 1
}

await main()
