/** formats: bytes to batches and back. Knows kernels and batches; must never know a file, a socket or a clock. */
export * from './contract.js'
