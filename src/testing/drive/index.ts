/** drive: real jobs with scripted input, in memory. What a test of a job imports. */
export { type DriveOptions, Drive, drive } from './drive.js'
export type { Driven, HandMovedClock } from './driven.js'
export { type Fault, type FaultHere, type InputItem, type Inputs, fault } from './input.js'
export type { Counts, Letter, Outcome } from './outcome.js'
export {
  type AtEnd,
  type Called,
  type Each,
  type GivenRow,
  type Result,
  type RowOf,
  type StandIn,
  type StandIns,
  away,
  reject,
  result,
} from './stand-in.js'
