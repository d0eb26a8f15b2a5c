/** How the command ends: the table of README.md, and which errors come to which row. */
import { AnabranchError, type ErrorCode, PlanError } from '../base/index.js'

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  internal: 3,
  /** Two versions of code do not do the same. */
  different: 4,
  /** As `EX_TEMPFAIL` of sysexits: the same command may work later, and nothing has to be mended. */
  tryAgain: 75,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const

/** What another program or machine is to blame for, for now. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'ANB2010',
  'ANB4006',
  'ANB4007',
  'ANB4020',
  'ANB4021',
  'ANB6012',
  'ANB7002',
  'ANB8004',
])

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof AnabranchError)) return exitCodes.internal
  if (passing.has(error.code)) return exitCodes.tryAgain
  // 8xxx: this machine. Nothing was started, as with a plan.
  return error instanceof PlanError || error.code.startsWith('ANB8') ? exitCodes.usage : exitCodes.failed
}
