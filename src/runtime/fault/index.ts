/** fault: what a failure means. Decisions only, pure: it never touches a queue, a worker or a clock. */
export * from './dead-limit.js'
export * from './decide.js'
export * from './failure.js'
export * from './hold.js'
export * from './loss-rate.js'
export * from './restart.js'
