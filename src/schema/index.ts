/**
 * schema: declared columns and types, their text and JSON forms, and how Arrow lays them out.
 * Pure data; it must never know apache-arrow, a batch or a clock.
 */
export * from './layout.js'
export * from './schema.js'
export * from './shape.js'
export * from './text.js'
export * from './types.js'
