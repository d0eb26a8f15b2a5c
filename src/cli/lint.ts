/** `anabranch lint`: all faults of a job at once. Starts no Python. */
import { refuseFaults } from '../plan/index.js'
import { type Command, oneWord, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { loadPlanned } from './load-job.js'

export const lint: Command = {
  name: 'lint',
  usage: 'lint JOB.ts [--json]',
  summary: 'list all faults of a job, with the line and what to do',
  options: ['--json            the faults as one JSON object'],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(lint, args, { json: { type: 'boolean' } })
    const { planned } = await loadPlanned(oneWord(lint, positionals, 'a job file'))
    const { faults, plan } = planned
    if (values.json === true) {
      terminal.out(JSON.stringify({ job: plan.job, faults }))
      return faults.length === 0 ? exitCodes.done : exitCodes.usage
    }
    refuseFaults(plan.job, faults)
    terminal.err(`job "${plan.job}" has no fault`)
    return exitCodes.done
  },
}
