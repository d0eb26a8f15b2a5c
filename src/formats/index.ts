/** formats: bytes to batches and back. Knows kernels and batches; must never know a file, a socket or a clock. */
export * from './contract.js'
export { jsonDecoder } from './json/decoder.js'
export { jsonEncoder } from './json/encoder.js'
export { textDecoder } from './text/decoder.js'
