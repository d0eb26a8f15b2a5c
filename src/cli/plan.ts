/** `anabranch plan JOB.ts`: what would run, as text, as a graph, or as portable JSON. Starts no Python. */
import { explain, graphText, planToJson, refuseFaults, withParams } from '../plan/index.js'
import { exitCodes, onlyPositional, parse } from './command.js'
import { loadJob } from './load-job.js'

const usage = 'usage: anabranch plan JOB.ts [--json | --graph] [--set name=value]'
const options = {
  json: { type: 'boolean' },
  graph: { type: 'boolean' },
  set: { type: 'string', multiple: true },
} as const

export async function plan(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, usage)
  const loaded = await loadJob(onlyPositional(positionals, 'job file', usage))
  refuseFaults(loaded.plan.job, loaded.faults)
  const made = withParams(loaded.plan, values.set ?? [])
  const text = values.json === true ? planToJson(made) : values.graph === true ? graphText(made) : explain(made)
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  return exitCodes.done
}
