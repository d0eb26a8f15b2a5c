/** lease: who has which batch, and which reply ends it. Pure; must never know a socket or a clock. */
export * from './lease.js'
