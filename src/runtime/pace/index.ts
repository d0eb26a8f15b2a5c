/** pace: how many rows travel together, and how many workers they are worth. Pure. */
export * from './batch-size.js'
export * from './poll-size.js'
export * from './pool-size.js'
