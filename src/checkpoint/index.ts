/**
 * checkpoint: what one epoch makes durable, as bytes. It must never know how rows flow or where the bytes lie.
 */
export { type EpochRecord, decodeRecord, encodeRecord, recordVersion } from './record.js'
