/**
 * transport: bytes to workers and back. Envelopes, frames, what may be sent by whom; the socket; the shared mapping.
 *
 * README.md here is the protocol. It promises that what a worker sent has been checked before anybody sees it, and
 * that a buffer that is lent to a socket is never written again. The only door of zeromq, and of koffi for the
 * mapping and for descriptors. It must never know what a table means, what a lease is, or a process.
 */
export * from './channel.js'
export * from './descriptors.js'
export { type Envelope, decodeEnvelope, encodeEnvelope } from './envelope.js'
export * from './frame.js'
export * from './kinds.js'
export * from './mapping.js'
export * from './slots.js'
