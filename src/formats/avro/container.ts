/**
 * Object container files: a header with the schema, then blocks of records, each behind its count and its size and
 * before the marker that the header names. Bytes come as they come; what is not whole yet waits.
 *
 *   header   "Obj" 1, map<bytes> { avro.schema, avro.codec }, marker[16]
 *   block    long records, long size, bytes[size], marker[16]
 */
import { ConnectorError } from '../../base/index.js'
import { type Unpack, blockBytesMax, codecNamed } from './codecs.js'
import { Cursor, Damage } from './cursor.js'

const magic = [0x4f, 0x62, 0x6a, 1]
export const markerBytes = 16
/** Bytes of a header: the schema of thousands of columns fits. */
const headerBytesMax = 16 * 1024 * 1024
/** Two numbers of at most ten bytes. */
const blockHeadBytes = 20

export interface ContainerHeader {
  readonly schema: string
  readonly unpack: Unpack
  readonly marker: Uint8Array
}
export interface Block {
  readonly records: number
  readonly bytes: Uint8Array
}

export class Container {
  header: ContainerHeader | null = null
  private bytes = new Uint8Array(64 * 1024)
  /** Bytes of the input before the first one here. */
  private before = 0
  private start = 0
  private end = 0
  private finished = false

  get pendingBytes(): number {
    return this.end - this.start
  }

  /** Bytes of the input that were read: where the next block begins, behind the header. */
  get offset(): number {
    return this.before + this.start
  }

  space(count: number): Uint8Array {
    if (this.end + count > this.bytes.length) {
      const kept = this.bytes.subarray(this.start, this.end)
      const room = kept.length + count > this.bytes.length ? new Uint8Array((kept.length + count) * 2) : this.bytes
      if (room === this.bytes) room.copyWithin(0, this.start, this.end)
      else room.set(kept)
      this.bytes = room
      this.before += this.start
      this.end = kept.length
      this.start = 0
    }
    return this.bytes.subarray(this.end)
  }

  filled(count: number): void {
    this.end += count
  }

  finish(): void {
    this.finished = true
  }

  /** Forgets all bytes but the header; those that come are the input's from `at` on, where a block begins. */
  resume(at: number): void {
    this.before = at
    this.start = 0
    this.end = 0
    this.finished = false
  }

  /** Reads the header as soon as it is whole. */
  readHeader(): ContainerHeader | null {
    if (this.header !== null || (this.finished && this.pendingBytes === 0)) return this.header
    const cursor = this.cursor()
    this.header = this.whole(() => headerAt(cursor), headerBytesMax)
    if (this.header !== null) this.start += cursor.at
    return this.header
  }

  /** The next block, unpacked; null until it is whole, and at the end. */
  nextBlock(header: ContainerHeader): Block | null {
    if (this.pendingBytes === 0) return null
    const cursor = this.cursor()
    const found = this.whole(() => blockAt(cursor, header), blockBytesMax + blockHeadBytes + markerBytes)
    if (found === null) return null
    this.start += cursor.at
    return { records: found.records, bytes: header.unpack(found.bytes) }
  }

  private cursor(): Cursor {
    const cursor = new Cursor()
    cursor.open(this.bytes.subarray(this.start, this.end))
    return cursor
  }

  /** What leads out of the bytes that are there is not whole yet, unless no more come or there are enough for anything. */
  private whole<T>(step: () => T, enough: number): T | null {
    try {
      return step()
    } catch (cause) {
      if (!(cause instanceof Damage)) throw cause
      if (this.finished)
        throw new ConnectorError('ANB4002', 'is cut off: it ends inside a header or a block', { cause })
      if (this.pendingBytes >= enough) throw cause
      return null
    }
  }
}

function headerAt(cursor: Cursor): ContainerHeader {
  for (const byte of magic) {
    if (cursor.bytes[cursor.take(1)] !== byte) {
      throw new ConnectorError('ANB4002', 'is no Avro container: it does not begin with Obj and 1')
    }
  }
  const said = new Map<string, string>()
  for (let count = cursor.size(); count !== 0; count = cursor.size()) {
    if (count < 0) cursor.size()
    for (let i = 0; i < Math.abs(count); i++) said.set(text(cursor), text(cursor))
  }
  const codec = said.get('avro.codec') ?? 'null'
  const unpack = codecNamed(codec)
  if (unpack === null) {
    const message = `is packed with ${JSON.stringify(codec.slice(0, 40))}, expected null, deflate or snappy`
    throw new ConnectorError('ANB4002', message)
  }
  const marker = cursor.take(markerBytes)
  return { schema: said.get('avro.schema') ?? '', unpack, marker: cursor.bytes.slice(marker, cursor.at) }
}

function text(cursor: Cursor): string {
  const length = cursor.sized()
  return new TextDecoder().decode(cursor.bytes.subarray(cursor.at - length, cursor.at))
}

function blockAt(cursor: Cursor, { marker }: ContainerHeader): Block {
  const records = cursor.size()
  const size = cursor.size()
  if (records < 0 || size < 0 || size > blockBytesMax) {
    const message = `has a block of ${records} records in ${size} bytes, at most ${blockBytesMax} are read`
    throw new ConnectorError('ANB4002', message)
  }
  const from = cursor.take(size)
  const behind = cursor.take(markerBytes)
  for (let i = 0; i < markerBytes; i++) {
    if (cursor.bytes[behind + i] !== marker[i]) throw new ConnectorError('ANB4002', 'has a block without its marker')
  }
  return { records, bytes: cursor.bytes.slice(from, from + size) }
}
