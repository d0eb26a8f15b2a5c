/**
 * shadow: new code beside the running one: it is called with the same rows and the same state, and what it answers is compared by
 * column and thrown away. Pure; `runtime/open` gives it a worker. It must never know a sink, a store or an epoch's record, so
 * it can commit nothing.
 */
export { stateChange } from './evolved-state.js'
export * from './report.js'
export { type ShadowEffects, type ShadowTerms, Shadowing } from './shadowing.js'
