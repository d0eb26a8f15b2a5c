/**
 * start: a Python process from its spawn to its end: environment, handshake, calls, output, death. It touches the
 * machine only through the world and the socket only through transport. It must never know what a batch means.
 */
export * from './contract.js'
export * from './describe.js'
export { runMark } from './environment.js'
export * from './find-python.js'
export { Outbox } from './outbox.js'
export { startWorker } from './worker.js'
