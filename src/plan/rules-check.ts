/** Rules about the options of a check. */
import { type Faults, type Place } from './faults.js'
import { type CheckRef } from './nodes.js'

export function lintCheck(faults: Faults, at: Place, check: CheckRef): void {
  const { onFail, column, maxRatio, rules } = check
  if (!['dead-letter', 'flag', 'stop'].includes(onFail)) {
    const message = `option onFail must be "dead-letter", "flag" or "stop", but it is ${JSON.stringify(onFail)}`
    faults.add('ANB1017', at, message)
  }
  if (maxRatio !== null && !(maxRatio >= 0 && maxRatio <= 1)) {
    faults.add('ANB1017', at, `option maxRatio must be a number of 0 to 1, but it is ${String(maxRatio)}`)
  }
  if (typeof column !== 'string' || column === '') {
    faults.add('ANB1017', at, 'option column must name a column', 'leave it out for "failures"')
  }
  if (rules.length === 0) {
    faults.add('ANB1017', at, 'the contract has no rule', 'write contract({ price: between(0, 100) })')
  }
}
