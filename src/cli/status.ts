/** `anabranch status`: what a running job says of itself, once or every second. */
import { setTimeout as pause } from 'node:timers/promises'
import { AnabranchError } from '../base/index.js'
import { type JobStatus } from '../runtime/index.js'
import { askStatus } from '../control/index.js'
import { type Command, type Terminal, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { snaked } from './snaked.js'
import { statusText } from './status-text.js'

const watchEveryMs = 1_000
const clearScreen = '\u001b[H\u001b[2J'

export const status: Command = {
  name: 'status',
  usage: 'status [DIR or JOB.ts] [--watch] [--json]',
  summary: 'what a running job does: rows, rates, epochs, stages, workers',
  options: [
    jobLine,
    '--watch           again every second, until the job ends',
    '--json            one JSON object, with --watch one a line',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(status, args, { json: { type: 'boolean' }, watch: { type: 'boolean' } })
    const out = await outOf(status, positionals)
    const print = (said: JobStatus): void => show(said, values.json === true, values.watch === true, terminal)
    print(await askStatus(out))
    while (values.watch === true) {
      await pause(watchEveryMs)
      const next = await askStatus(out).catch(endOf)
      if (next === null) break
      print(next)
    }
    return exitCodes.done
  },
}

function show(said: JobStatus, json: boolean, watch: boolean, terminal: Terminal): void {
  if (json) terminal.out(JSON.stringify(snaked(said)))
  else terminal.out(`${watch && process.stdout.isTTY ? clearScreen : ''}${statusText(said)}`)
}

/** Who watches has seen the job's end: that is no error. */
function endOf(error: unknown): null {
  if (error instanceof AnabranchError && error.code === 'ANB4020') return null
  throw error
}
