/** `--restart fixed-delay,attempts=3,delay=10s`: the job option `restart` as one word. */
import { type Plan, type RestartPolicy, restartOf } from '../plan/index.js'
import { type Command, usageError } from './command.js'

export function restartFrom(command: Pick<Command, 'usage'>, word: string): RestartPolicy | null {
  const [policy = '', ...fields] = word.split(',')
  const pairs = fields.map(field => {
    const [name = '', ...value] = field.split('=')
    return [name, value.join('=')] as const
  })
  const read = restartOf({ policy, ...Object.fromEntries(pairs) })
  if ('policy' in read) return read.policy
  throw usageError(command, `--restart ${word}: ${read.wrong}`)
}

export const withRestart = (plan: Plan, restart: RestartPolicy | null): Plan => ({
  ...plan,
  options: { ...plan.options, restart },
})
