/** plan: the fluent face and the frozen nodes behind it. Pure data; must never start anything. */
export * from './nodes.js'
export * from './topology.js'
export * from './wire.js'
export { chainMax, openStages, stagesOf } from './stages.js'
