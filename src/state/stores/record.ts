/**
 * Epoch records: what PREPARE writes beside the blocks. Each holds the digest of the one before, so that none can be
 * missing from the middle, and says which blocks came and went; now and then one lists all that live.
 *
 *     0 u32 magic "ABSR"   4 u32 CRC32C from 8 on   8 u16 version   12 u32 length of the JSON
 *    16 the JSON of `RecordHead`, then the bytes of the coordinator
 *
 * Keys are the epoch (u64), a kind (u8: 0 block, 1 record, 2 finished) and a number (u32), big-endian: what is written
 * together lies together, and the newest is last.
 */
import { createHash } from 'node:crypto'
import { StateError } from '../../base/index.js'
import { crc32c } from '../../kernels/index.js'
import { type StateFormJson } from '../block-schema.js'
import { type GenerationsJson } from './generations.js'
import { type KeyDigestsJson } from './key-digests.js'

/** Version 1 did not count keys; version 2 knew no generations. */
export const recordVersion = 3
const magic = 0x52534241
const fixedBytes = 16

/** [operator, epoch, number, since, first group, last group, rows, bytes, CRC32C, schema id] */
export type BlockEntryJson = readonly [string, number, number, number, number, number, number, number, number, number]

/** Parts of the key: [epoch, kind, number] */
export type RemovedJson = readonly [number, number, number]

export interface RecordHead {
  readonly epoch: number
  /** Digest of the record before; empty for the first. */
  readonly previous: string
  /** All epochs up to this one are finished. */
  readonly finished: number
  /** Whether `blocks` are all that live, not only those of this epoch. */
  readonly full: boolean
  readonly blocks: readonly BlockEntryJson[]
  /** What this epoch took out; with all blocks, all that may still be there. */
  readonly removed: readonly RemovedJson[]
  /** Writes of state beyond memory, so far; left out where there is none. */
  readonly cold?: number
  /** Which entries beyond memory count, of operators whose entries were made anew; left out where there are none. */
  readonly generations?: GenerationsJson
  /** Which keys there are: what this epoch changed; with all blocks, all. Left out where nobody counted. */
  readonly keys?: KeyDigestsJson
  /** By operator and schema id: those of `blocks`. */
  readonly forms: Readonly<Record<string, Readonly<Record<string, StateFormJson>>>>
}

export interface EpochRecord {
  readonly head: RecordHead
  /** Of the coordinator. */
  readonly bytes: Uint8Array
  /** SHA-256 of the whole record, hex. */
  readonly digest: string
}

export const kinds = { block: 0, record: 1, finished: 2 } as const

export function keyOf(epoch: number, kind: number, number = 0): Uint8Array {
  const key = new Uint8Array(13)
  const view = new DataView(key.buffer)
  view.setBigUint64(0, BigInt(epoch))
  view.setUint8(8, kind)
  view.setUint32(9, number)
  return key
}

export function partsOf(key: Uint8Array): { readonly epoch: number; readonly kind: number } {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  if (key.length !== 13) throw new StateError('ANB6010', `the store has a key of ${key.length} bytes`)
  return { epoch: Number(view.getBigUint64(0)), kind: view.getUint8(8) }
}

export function encodeRecord(head: RecordHead, bytes: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(head))
  const record = new Uint8Array(fixedBytes + json.length + bytes.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, magic, true)
  view.setUint16(8, recordVersion, true)
  view.setUint32(12, json.length, true)
  record.set(json, fixedBytes)
  record.set(bytes, fixedBytes + json.length)
  view.setUint32(4, crc32c(record.subarray(8)), true)
  return record
}

/** @throws StateError ANB6010 where a bit of it is not what was written, ANB6014 where a later version wrote it. */
export function decodeRecord(epoch: number, record: Uint8Array): EpochRecord {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  const whole =
    record.length >= fixedBytes &&
    view.getUint32(0, true) === magic &&
    view.getUint32(4, true) === crc32c(record.subarray(8))
  if (!whole) throw new StateError('ANB6010', `the record of epoch ${epoch} is not what was written`)
  const version = view.getUint16(8, true)
  if (version > recordVersion) {
    throw new StateError(
      'ANB6014',
      `epoch ${epoch} was written with format version ${version}, this is ${recordVersion}`,
    )
  }
  const end = fixedBytes + view.getUint32(12, true)
  // What has its check sum was written by `encodeRecord`, whose version this is.
  const head: RecordHead = JSON.parse(new TextDecoder().decode(record.subarray(fixedBytes, end)))
  if (head.epoch !== epoch)
    throw new StateError('ANB6010', `the record of epoch ${epoch} says that it is of ${head.epoch}`)
  return { head, bytes: record.slice(end), digest: digestOf(record) }
}

/** `finished` after the record with this digest: 8 bytes and the digest of both. */
export function encodeFinished(finished: number, digest: string): Uint8Array {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(finished), true)
  const sum = createHash('sha256').update(number).update(digest).digest()
  return Uint8Array.from([...number, ...sum])
}

/** Null where it is not what was written. */
export function decodeFinished(value: Uint8Array, digest: string): number | null {
  if (value.length !== 40) return null
  const finished = Number(new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0, true))
  const expected = encodeFinished(finished, digest)
  return expected.every((byte, i) => byte === value[i]) ? finished : null
}

export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
