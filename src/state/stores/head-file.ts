/**
 * The head file: the newest epoch that was written, noted after it and not synced. A store that has less than what stands
 * here lost something; one that has more died before it could note it. Two places are written in turn, so that a torn one
 * leaves the other.
 *
 *     u64 epoch, 32 bytes SHA-256 of its record, u32 CRC32C of both; at 0 and at 64
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32c } from '../../kernels/index.js'
import { type Head } from './key-value.js'

const entryBytes = 44
const places = [0, 64] as const

export class HeadFile {
  private fd: number | null = null
  private turn = 0

  constructor(private readonly path: string) {}

  /** The newest that is whole; null where there is none. */
  read(): Head | null {
    const bytes = this.bytes()
    const heads = places.flatMap(at => decode(bytes.subarray(at, at + entryBytes)) ?? [])
    return heads.reduce<Head | null>(
      (newest, head) => (newest === null || head.epoch > newest.epoch ? head : newest),
      null,
    )
  }

  /** Goes to the page cache in microseconds: it survives the process, and need not survive the machine. */
  note(head: Head): void {
    this.fd ??= openSync(this.path, constants.O_RDWR | constants.O_CREAT, 0o600)
    writeSync(this.fd, encode(head), 0, entryBytes, places[this.turn % 2] ?? 0)
    this.turn += 1
  }

  /** Can be called twice. */
  close(): void {
    if (this.fd !== null) closeSync(this.fd)
    this.fd = null
  }

  private bytes(): Uint8Array {
    try {
      return readFileSync(this.path)
    } catch {
      return new Uint8Array(0)
    }
  }
}

function encode({ epoch, digest }: Head): Uint8Array {
  const entry = new Uint8Array(entryBytes)
  const view = new DataView(entry.buffer)
  view.setBigUint64(0, BigInt(epoch), true)
  entry.set(Buffer.from(digest, 'hex'), 8)
  view.setUint32(40, crc32c(entry.subarray(0, 40)), true)
  return entry
}

function decode(entry: Uint8Array): Head | null {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength)
  if (entry.length < entryBytes || view.getUint32(40, true) !== crc32c(entry.subarray(0, 40))) return null
  return { epoch: Number(view.getBigUint64(0, true)), digest: Buffer.from(entry.subarray(8, 40)).toString('hex') }
}
