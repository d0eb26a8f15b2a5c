/** `anabranch plan`: what a job will do, without doing it. Starts no Python. */
import { explain, graphText, planToJson } from '../plan/index.js'
import { type Command, oneWord, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { loadJob } from './load-job.js'

export const plan: Command = {
  name: 'plan',
  usage: 'plan JOB.ts [--json | --graph] [--set name=value]',
  summary: 'show what a job will do: paths with their guarantees, columns, worker calls',
  options: [
    '--json            the portable plan, with its version',
    '--graph           a Mermaid graph',
    '--set name=value  a parameter of the job',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(plan, args, {
      json: { type: 'boolean' },
      graph: { type: 'boolean' },
      set: { type: 'string', multiple: true },
    })
    const loaded = await loadJob(oneWord(plan, positionals, 'a job file'), values.set)
    if (values.json === true) terminal.out(planToJson(loaded.plan).trimEnd())
    else terminal.out(values.graph === true ? graphText(loaded.plan) : explain(loaded.plan))
    return exitCodes.done
  },
}
