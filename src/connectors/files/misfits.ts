/** Input files that do not fit the declared schema, told together before the first row. */
import { PlanError, type PlanFault } from '../../base/index.js'

/** Throws a PlanError (ANB1018) where there are faults; each names its file as its place. */
export function refuseMisfits(faults: readonly PlanFault[], files: number): void {
  if (faults.length === 0) return
  const bad = new Set(faults.map(fault => fault.place)).size
  throw new PlanError('ANB1018', `${bad} of ${files} input files do not fit the declared schema`, { faults })
}
