/** plan: the fluent face and the frozen nodes behind it. Pure data; must never start anything. */
export * from './nodes.js'
export * from './topology.js'
export * from './wire.js'
export { openSink, openStages, stagesOf } from './stages.js'
export { formatSchema } from './schemas.js'
export * from './connectors.js'
export * from './custom.js'
export * from './formats.js'
export * from './functions.js'
export { type AnyContract, type CheckOptions, type ContractLike, isModuleContract } from './contracts.js'
export * from './rules.js'
export { ruleShape } from './rule-shape.js'
export {
  type Applied,
  type IdOption,
  type Job,
  type JobLike,
  type JobOptions,
  type KeyOptions,
  type SinkOptions,
  type Stream,
  job,
} from './job.js'
export * from './types.js'
export * from './units.js'
export { type PlanContext, type Planned, checkedPlan, isJob, jobFile, jobOf, planOf } from './build.js'
export type { LintReaders } from './lint.js'
export { functionRefShape, planFromJson, planToJson } from './portable.js'
export { stateBudgetBytesMin } from './rules-budget.js'
export { refuseForRun } from './rules-run.js'
export { type RestartOption, restartOf } from './restart.js'
export { suggest } from './faults.js'
export { refuseFaults } from './refuse.js'
export { explain, graphText } from './explain.js'
export { type Path, pathsOf } from './guarantees.js'
export { epochMsMin } from './options.js'
export { type PostgresSinkOptions, postgres } from './postgres.js'
export { type RowsMay, withFunctions } from './swapped.js'
export { withParams } from './params.js'
export { type FileSinkKind, type OtherInput, withFileSinks, withInputs } from './rewire.js'
