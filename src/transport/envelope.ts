/**
 * The envelope: the first 64 bytes of every message, as a record.
 *
 * Pure, without bigint: whole numbers of 64 bits are split into two halves and refused above 2^53, the job is text of
 * 16 hex digits. One envelope is read and written a call, never one a row.
 */
import { ProtocolError, invariant } from '../base/index.js'
import { envelopeBytes, magic, protocolVersion } from './kinds.js'

export interface Envelope {
  /** One of `Message`; not checked by `decodeEnvelope`. */
  readonly kind: number
  /** Random id of this run: 16 lower-case hex digits, the number's highest digit first. */
  readonly job: string
  /** Number of the worker process in this run, from 1. */
  readonly incarnation: number
  readonly lane: number
  readonly sequence: number
  readonly attempt: number
  readonly flags: number
  readonly rows: number
  readonly stage: number
  /** Entries of the body's directory. */
  readonly tables: number
  /** Bytes of the body. */
  readonly length: number
  /** Byte offset of the body in the shared mapping, where flag bit 0 is set. */
  readonly at: number
}

const two32 = 2 ** 32

export function encodeEnvelope(e: Envelope, target: Uint8Array, at: number): void {
  invariant(/^[0-9a-f]{16}$/.test(e.job), 'a job id is 16 lower-case hex digits')
  const view = new DataView(target.buffer, target.byteOffset + at, envelopeBytes)
  view.setUint32(0, magic, true)
  view.setUint16(4, protocolVersion, true)
  view.setUint16(6, e.kind, true)
  view.setUint32(8, Number.parseInt(e.job.slice(8), 16), true)
  view.setUint32(12, Number.parseInt(e.job.slice(0, 8), 16), true)
  view.setUint32(16, e.incarnation, true)
  view.setUint32(20, e.lane, true)
  setWhole(view, 24, e.sequence)
  view.setUint16(32, e.attempt, true)
  view.setUint16(34, e.flags, true)
  view.setUint32(36, e.rows, true)
  view.setUint32(40, e.stage, true)
  view.setUint32(44, e.tables, true)
  setWhole(view, 48, e.length)
  setWhole(view, 56, e.at)
}

/** @throws ProtocolError ANB5001 where these are not the first bytes of a message of this version. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length < envelopeBytes) throw refused(`a message of at least ${envelopeBytes} bytes`, `${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, envelopeBytes)
  if (view.getUint32(0, true) !== magic) throw refused('the text ANB1 at the start', hex(view.getUint32(0, true)))
  const version = view.getUint16(4, true)
  if (version !== protocolVersion) {
    throw new ProtocolError(
      'ANB5002',
      `expected protocol version ${protocolVersion}, a message of version ${version} came`,
    )
  }
  return {
    kind: view.getUint16(6, true),
    job: hex(view.getUint32(12, true)) + hex(view.getUint32(8, true)),
    incarnation: view.getUint32(16, true),
    lane: view.getUint32(20, true),
    sequence: whole(view, 24, 'sequence'),
    attempt: view.getUint16(32, true),
    flags: view.getUint16(34, true),
    rows: view.getUint32(36, true),
    stage: view.getUint32(40, true),
    tables: view.getUint32(44, true),
    length: whole(view, 48, 'length'),
    at: whole(view, 56, 'at'),
  }
}

export function setWhole(view: DataView, at: number, value: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, 'a number on the wire is whole and not negative')
  view.setUint32(at, value % two32, true)
  view.setUint32(at + 4, Math.floor(value / two32), true)
}

/** A u64 as a number; larger ones than 2^53 mean nothing to us and are refused. */
export function whole(view: DataView, at: number, name: string): number {
  const high = view.getUint32(at + 4, true)
  if (high >= 2 ** 21) throw refused(`${name} below 2^53`, `${hex(high)}${hex(view.getUint32(at, true))}`)
  return high * two32 + view.getUint32(at, true)
}

export function refused(expected: string, came: string): ProtocolError {
  return new ProtocolError('ANB5001', `expected ${expected} in a frame, ${came} came`)
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
