/** `anabranch lint JOB.ts`: all faults of a job at once. */
import { exitCodes, onlyPositional, parse } from './command.js'
import { loadJob } from './load-job.js'

const usage = 'usage: anabranch lint JOB.ts [--json]'

export async function lint(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, usage)
  const { faults } = await loadJob(onlyPositional(positionals, 'job file', usage))
  if (values.json === true) process.stdout.write(`${JSON.stringify({ faults })}\n`)
  else for (const f of faults) process.stdout.write(`${f.code} ${f.message}\n  at:     ${f.place}\n  hint:   ${f.hint}\n`)
  return faults.length === 0 ? exitCodes.done : exitCodes.usage
}
