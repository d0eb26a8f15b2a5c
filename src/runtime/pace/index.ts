/** pace: how many rows travel together. Pure. */
export * from './batch-size.js'
