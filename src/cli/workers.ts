/** `anabranch workers`: the Python processes of a running job, and how many there shall be. */
import { askWorkers } from '../control/index.js'
import { type Command, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { snaked } from './snaked.js'
import { workersTable } from './status-text.js'
import { rangeOf } from './worker-range.js'

export const workers: Command = {
  name: 'workers',
  usage: 'workers [set N|MIN..MAX] [DIR or JOB.ts] [--json]',
  summary: 'the workers of a running job; set changes how many there may be, while it runs',
  options: [
    jobLine,
    'set N             at most N workers, as many of them as there is work for',
    'set MIN..MAX      by load: at least MIN, at most MAX',
    '--json            one JSON object: min max by_load wanted spares restarts list',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(workers, args, { json: { type: 'boolean' } })
    const [first, number, ...rest] = positionals
    const sets = first === 'set'
    if (sets && number === undefined)
      throw usageError(workers, 'workers set needs a number: workers set 4, workers set 1..8')
    const range = sets && number !== undefined ? rangeOf(workers, 'workers set', number) : null
    const out = await outOf(workers, sets ? rest : positionals)
    const asked = range === null ? {} : { max: range.max, ...(range.min !== null && { min: range.min }) }
    const said = await askWorkers(out, asked)
    terminal.out(values.json === true ? JSON.stringify(snaked(said)) : workersTable(said).join('\n'))
    return exitCodes.done
  },
}
