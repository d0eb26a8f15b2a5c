/** formats: bytes to batches and back. Knows kernels, batches and the formats of a plan; must never know a file, a socket or a clock. */
export * from './contract.js'
export { avroDecoder } from './avro/decoder.js'
export { avroEncoder } from './avro/encoder.js'
export { jsonDecoder } from './json/decoder.js'
export { jsonEncoder } from './json/encoder.js'
export { csvDecoder } from './csv/decoder.js'
export { csvEncoder } from './csv/encoder.js'
export { decoderOf, encoderOf } from './of.js'
