/**
 * kernels: hot loops over bytes and typed arrays. WebAssembly made from `wasm/*.ts`, each with a plain
 * JavaScript twin that is its oracle in tests and its stand-in where WebAssembly SIMD is refused. They know
 * memory and positions only; must never know a schema, a batch or a clock.
 */
export * from './crc32c.js'
export * from './iso-time.js'
export * from './json-memory.js'
export * from './json-scan.js'
export * from './json-write.js'
export * from './module.js'
export * from './text-lines.js'
export * from './text-utf8.js'
export { type Distinct, distinct, partition, partitionGroups, plainDistinct } from './keys-group.js'
export { murmur3 } from './keys-hash.js'
export type { KeyKernels } from './keys-contract.js'
export { keyKernels, plainKeyKernels } from './keys-kernels.js'
