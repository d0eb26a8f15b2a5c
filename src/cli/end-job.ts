/** `anabranch stop` and `anabranch cancel`: the two ways to end a running job from outside. */
import { askEnd } from '../control/index.js'
import { type JobEnd } from '../runtime/index.js'
import { type Command, type Terminal, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { counted } from './progress.js'
import { snaked } from './snaked.js'

const jsonLine = '--json            one JSON object: end rows_in rows_out rows_dead, and savepoint where there is one'

export const stop: Command = {
  name: 'stop',
  usage: 'stop [DIR or JOB.ts] [--no-savepoint | --name NAME] [--json]',
  summary: 'let a running job end with an epoch, as Ctrl-C does, and make a savepoint; waits for that',
  options: [
    jobLine,
    '--no-savepoint   make none; a run goes on from the state in DIR all the same',
    '--name NAME      of the savepoint in DIR/savepoints; default: its epoch and lineage',
    jsonLine,
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(stop, args, {
      json: { type: 'boolean' },
      'no-savepoint': { type: 'boolean' },
      name: { type: 'string' },
    })
    const question = { do: 'stop', savepoint: values['no-savepoint'] !== true, name: values.name ?? null }
    const said = await askEnd(await outOf(stop, positionals), question)
    tell(said, values.json === true, terminal)
    if (said.end !== 'failed') return exitCodes.done
    terminal.err('it failed while it stopped: what it printed says why')
    return exitCodes.failed
  },
}

export const cancel: Command = {
  name: 'cancel',
  usage: 'cancel [DIR or JOB.ts] [--json]',
  summary: 'end a running job now, as a second Ctrl-C does',
  options: [jobLine, jsonLine],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(cancel, args, { json: { type: 'boolean' } })
    tell(await askEnd(await outOf(cancel, positionals), { do: 'cancel' }), values.json === true, terminal)
    return exitCodes.done
  },
}

function tell(said: JobEnd, json: boolean, terminal: Terminal): void {
  if (json) terminal.out(JSON.stringify(snaked(said)))
  else terminal.err(endText(said))
}

const ends: Readonly<Record<JobEnd['end'], string>> = {
  finished: 'each input that has an end was read to it',
  unfinished: 'its input was not read to the end',
  failed: 'what it was doing is thrown away',
}

const endText = ({ end: how, rowsIn, rowsOut, rowsDead, savepoint }: JobEnd): string =>
  [
    `the job has ended: ${counted(rowsIn, 'row')} in, ${counted(rowsOut, 'row')} out, ${rowsDead} dead; ${ends[how]}`,
    ...(savepoint === undefined ? [] : [`savepoint of epoch ${savepoint.epoch}: ${savepoint.path}`]),
  ].join('\n')
