/**
 * base: what every room may use. Errors and their catalogue, invariants, the observer, and the declared
 * (never the real) world. It must never import another room or a package, nor read a clock.
 */
export * from './catalogue.js'
export * from './errors.js'
export * from './failpoint.js'
export * from './invariant.js'
export { nearest } from './nearest.js'
export { kindOf } from './kind-of.js'
export * from './observer.js'
export * from './world.js'
export * as shape from './shape.js'
export { type JsonValue, type Shape, ShapeError } from './shape.js'
