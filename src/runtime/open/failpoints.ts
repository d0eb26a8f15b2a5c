/** Failpoints of a real run: where the environment arms one, the process kills itself there, as a crash would. */
import { type Failpoint, PlanError, failpoints, onFailpoint, readFailpoints, strikingHook } from '../../base/index.js'

const variable = 'ANABRANCH_FAILPOINT'

/** Answers the variables that workers need to arm their own. @throws PlanError ANB8011 */
export function armFailpoints(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const text = env[variable] ?? ''
  if (text === '') {
    onFailpoint(null)
    return []
  }
  if (env['NODE_ENV'] === 'production') {
    throw new PlanError('ANB8011', `expected no ${variable} in production, got "${text}"`, {
      detail: 'A failpoint kills the run with SIGKILL; NODE_ENV says that this run is in production.',
    })
  }
  const read = readFailpoints(text)
  const unknown = read.filter(one => typeof one === 'string')
  if (unknown.length > 0) {
    throw new PlanError('ANB8011', `expected name:before or name:after in ${variable}, got "${unknown.join(',')}"`, {
      detail: `The names are ${failpoints.join(', ')}. A number behind the side says which hit counts: send:after:3.`,
    })
  }
  const armed = read.filter(one => typeof one !== 'string')
  onFailpoint(strikingHook(armed, () => process.kill(process.pid, 'SIGKILL')))
  return armed.some(({ name }) => isOfWorker(name)) ? [variable] : []
}

const isOfWorker = (name: Failpoint): boolean => name.startsWith('w.')
