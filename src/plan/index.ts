/** plan: the fluent face and the frozen nodes behind it. Pure data; must never start anything. */
export * from './nodes.js'
