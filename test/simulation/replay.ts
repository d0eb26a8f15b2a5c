/** `npm run simulate -- --seed N`: runs one seed, prints its log and the verdict. Exit code 1 where something is wrong. */
import { simulate } from '../../src/testing/simulation/index.js'

const at = process.argv.indexOf('--seed')
const seed = Number(process.argv[at + 1])
if (at < 0 || !Number.isSafeInteger(seed)) {
  process.stderr.write('usage: npm run simulate -- --seed N\n')
  process.exit(2)
}
const run = await simulate({ seed, log: true })
process.stdout.write(`${run.log}\n\n`)
for (const [name, times] of [...run.counts].sort()) process.stdout.write(`${name.padEnd(32)} ${times}\n`)
process.stdout.write(
  `\nseed ${seed}: ${run.rows} rows, ${run.calls} calls, ${Math.round(run.virtualMs)} virtual ms, log ${run.digest}\n`,
)
for (const sentence of run.wrong) process.stdout.write(`WRONG: ${sentence}\n`)
process.exitCode = run.wrong.length === 0 ? 0 : 1
