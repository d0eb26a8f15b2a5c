/** `anabranch stop` and `anabranch cancel`: the two ways to end a running job from outside. */
import { askEnd } from '../control/index.js'
import { type JobEnd } from '../runtime/index.js'
import { type Command, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { counted } from './progress.js'
import { snaked } from './snaked.js'

const jsonLine = '--json            one JSON object: end rows_in rows_out rows_dead'

export const stop: Command = {
  name: 'stop',
  usage: 'stop [DIR or JOB.ts] [--json]',
  summary: 'let a running job finish what it has read and end, as Ctrl-C does; waits for that',
  options: [jobLine, jsonLine],
  run: (args, terminal) => end(stop, args, terminal),
}

export const cancel: Command = {
  name: 'cancel',
  usage: 'cancel [DIR or JOB.ts] [--json]',
  summary: 'end a running job now, as a second Ctrl-C does',
  options: [jobLine, jsonLine],
  run: (args, terminal) => end(cancel, args, terminal),
}

async function end(command: Command, ...[args, terminal]: Parameters<Command['run']>): Promise<number> {
  const { values, positionals } = wordsOf(command, args, { json: { type: 'boolean' } })
  const out = await outOf(command, positionals)
  const said = await askEnd(out, command.name)
  if (values.json === true) terminal.out(JSON.stringify(snaked(said)))
  else terminal.err(endText(said))
  return exitCodes.done
}

const ends: Readonly<Record<JobEnd['end'], string>> = {
  finished: 'it had read its input to the end',
  unfinished: 'its input was not read to the end',
  failed: 'what it was doing is thrown away',
}

const endText = ({ end: how, rowsIn, rowsOut, rowsDead }: JobEnd): string =>
  `the job has ended: ${counted(rowsIn, 'row')} in, ${counted(rowsOut, 'row')} out, ${rowsDead} dead; ${ends[how]}`
