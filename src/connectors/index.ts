/** connectors: one folder a system, behind the source and sink contracts. Must never know a worker or the runtime. */
export * from './contract.js'
