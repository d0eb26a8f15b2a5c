/** watch: the pool of workers as a state machine: starts, spares, recycling, giving up. Pure; it never reads a clock. */
export * from './pool.js'
