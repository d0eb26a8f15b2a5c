/**
 * `npm run bench [-- --json] [NAME ...]`: measures what the name of begins with NAME, or everything.
 *
 *   --json        one object a line: name value unit baseline ratio target met spread checksum, and more
 *   --rounds N    how often a job and what it is compared with alternate; 3
 *   --seconds N   seconds of each rate of B6, of B7 where one is killed each 200 ms, of CUT, and at most of one run with epochs; 60
 *   --kills N     workers that B7 kills in its run, hosts that RECOVER kills, swaps of SWAP (5 at most); 10
 *   --keys N      keys of BUDGET, whose budget is a tenth of them; 20,000,000
 *   --spares N    warm workers of B7 where one is killed each 200 ms; 6
 *   --profile     no figures: each work once under the profiler of Node, and where its time goes
 *
 * A figure whose output is wrong is no figure: it is printed as such, and the exit code is 1.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Bench } from './bench.js'
import { print } from './figure.js'
import { inputsFolder, python, script } from './places.js'
import { profile } from './profile.js'
import { benches } from './table.js'

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '60' },
    kills: { type: 'string', default: '10' },
    keys: { type: 'string', default: '20000000' },
    spares: { type: 'string', default: '6' },
    profile: { type: 'boolean', default: false },
  },
})
const settings = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  kills: Number(values.kills),
  keys: Number(values.keys),
  spares: Number(values.spares),
}

const chosen = benches.filter(bench => names.length === 0 || names.some(name => bench.name.startsWith(name)))
if (chosen.length === 0) throw new Error(`expected a name that a benchmark begins with, got ${names.join(', ')}`)
makeInputs(chosen)
for (const bench of chosen) {
  if (values.profile) await profile(bench)
  else await measure(bench)
}

/** One that cannot be measured does not keep the others from it. */
async function measure(bench: Bench): Promise<void> {
  try {
    for (const figure of await bench.measure(settings)) {
      print(figure, values.json)
      if (figure.wrong !== null) process.exitCode = 1
    }
  } catch (error) {
    process.stderr.write(
      `${bench.name} could not be measured: ${error instanceof Error ? error.message : String(error)}\n`,
    )
    process.exitCode = 1
  }
}

function makeInputs(of: readonly Bench[]): void {
  mkdirSync(inputsFolder, { recursive: true })
  const missing = [...new Set(of.flatMap(bench => bench.inputs))].filter(name => !existsSync(join(inputsFolder, name)))
  if (missing.length > 0) execFileSync(python, [script('inputs.py'), inputsFolder, ...missing], { stdio: 'inherit' })
}
