/** `--restart fixed-delay,attempts=3,delay=10s`: the job option `restart` as one word. */
import { PlanError } from '../base/index.js'
import { type Plan, type RestartPolicy, restartOf } from '../plan/index.js'

const hint = [
  'write one of fixed-delay,attempts=3,delay=10s',
  'exponential-delay,initialBackoff=1s,maxBackoff=1min,attempts=10',
  'failure-rate,maxFailuresPerInterval=3,failureRateInterval=5min,delay=10s',
].join('; ')

export function restartFrom(word: string): RestartPolicy | null {
  const [policy = '', ...fields] = word.split(',')
  const pairs = fields.map(field => {
    const [name = '', ...value] = field.split('=')
    return [name, value.join('=')] as const
  })
  const read = restartOf({ policy, ...Object.fromEntries(pairs) })
  if ('policy' in read) return read.policy
  throw new PlanError('ANB8003', `--restart ${word}: ${read.wrong}`, { hint })
}

export const withRestart = (plan: Plan, restart: RestartPolicy | null): Plan => ({
  ...plan,
  options: { ...plan.options, restart },
})
