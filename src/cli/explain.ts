/** `anabranch explain ANB2104`: what an error code means and what to do. */
import { catalogue } from '../base/index.js'
import { UsageError, exitCodes, onlyPositional, parse } from './command.js'

const usage = 'usage: anabranch explain CODE'

export function explain(args: readonly string[]): Promise<number> {
  const { positionals } = parse(args, {}, usage)
  const code = onlyPositional(positionals, 'error code', usage).toUpperCase()
  const entry = Object.entries(catalogue).find(([name]) => name === code)
  if (entry === undefined) throw new UsageError(`expected an error code such as ANB2104, got "${code}"`, usage)
  process.stdout.write(`${code} ${entry[1].title}\n  hint:   ${entry[1].hint}\n`)
  return Promise.resolve(exitCodes.done)
}
