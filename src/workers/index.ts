/**
 * workers: Python processes by their life: start, lease, watch, stop. `lease` and `watch` are pure; `start` and
 * `stop` touch the world. It must never know a stream, a batch's columns or what a transform means.
 */
export * from './lease/index.js'
export * from './start/index.js'
export * from './stop/index.js'
export * from './watch/index.js'
