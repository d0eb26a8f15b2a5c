/**
 * The metadata of a foreign record batch, read by hand with every read inside it. A worker may send
 * anything: the bytes are not believed until all rules of this file hold, and what cannot be read is a
 * `ProtocolError`, never a hang, a read outside, or other data (apache-arrow on damaged messages: 20 %
 * other data without a word, 1 % hung).
 */
import { ProtocolError } from '../base/index.js'

export interface IpcLimits {
  /** Rows of the batch; default 2^24. */
  readonly rowsMax?: number
  /** Bytes of metadata and body together; default 2^31 - 1. */
  readonly bytesMax?: number
}

export interface NodeMetadata {
  readonly length: number
  readonly nullCount: number
}
/** A buffer's place in the message that was given. */
export interface BufferMetadata {
  readonly from: number
  readonly length: number
}
export interface BatchMetadata {
  readonly rows: number
  readonly nodes: readonly NodeMetadata[]
  readonly buffers: readonly BufferMetadata[]
}

/** The reason in lower case, quoted in the message of the error. */
export function refuse(reason: string): never {
  throw new ProtocolError('ANB5001', `expected an Arrow record batch of the declared schema, but ${reason}`)
}

const version5 = 4
const recordBatchHeader = 3
const metadataMax = 1 << 20
const long = 2147483647

export function readMetadata(
  bytes: Uint8Array,
  expected: { readonly nodes: number; readonly buffers: number },
  limits: IpcLimits,
): BatchMetadata {
  if (bytes.length > (limits.bytesMax ?? long)) refuse(`it has ${bytes.length} bytes, more than the limit`)
  const flat = new FlatReader(bytes)
  const message = flat.root()
  const version = flat.field(message, 0)
  if (version === 0 || flat.u16(version) !== version5) refuse('its metadata version is not 5')
  const kind = flat.field(message, 1)
  if (kind === 0 || flat.u8(kind) !== recordBatchHeader) refuse('the message is not a record batch')
  const header = flat.follow(flat.field(message, 2), 'header')
  const length = flat.field(message, 3)
  const bodyLength = length === 0 ? 0 : flat.long(length, 'body length')
  if (flat.end + bodyLength > bytes.length) refuse(`its body of ${bodyLength} bytes is cut off`)
  const rowsAt = flat.field(header, 0)
  const rows = rowsAt === 0 ? 0 : flat.long(rowsAt, 'row count')
  if (rows > (limits.rowsMax ?? 1 << 24)) refuse(`it has ${rows} rows, more than the limit`)
  if (flat.field(header, 3) !== 0) refuse('its body is compressed')
  if (flat.field(header, 4) !== 0) refuse('it has variadic buffers')
  const nodes = flat.structs(flat.field(header, 1), expected.nodes, 'nodes')
  const buffers = flat.structs(flat.field(header, 2), expected.buffers, 'buffers')
  return {
    rows,
    nodes: readNodes(flat, nodes, expected.nodes),
    buffers: readBuffers(flat, buffers, expected.buffers, bodyLength),
  }
}

function readNodes(flat: FlatReader, from: number, count: number): readonly NodeMetadata[] {
  const nodes: NodeMetadata[] = []
  for (let i = 0; i < count; i++) {
    const length = flat.long(from + 16 * i, 'length of an array')
    const nullCount = flat.long(from + 16 * i + 8, 'null count')
    if (nullCount > length) refuse(`array ${i} has ${nullCount} nulls in ${length} values`)
    nodes.push({ length, nullCount })
  }
  return nodes
}

/** Buffers lie in the body, one after the other: all writers do that, and two arrays never share bytes. */
function readBuffers(flat: FlatReader, from: number, count: number, bodyLength: number): readonly BufferMetadata[] {
  const buffers: BufferMetadata[] = []
  let free = 0
  for (let i = 0; i < count; i++) {
    const offset = flat.long(from + 16 * i, 'offset of a buffer')
    const length = flat.long(from + 16 * i + 8, 'length of a buffer')
    if ((offset & 7) !== 0) refuse(`buffer ${i} begins at ${offset}, not at a multiple of 8`)
    if (offset + length > bodyLength) refuse(`buffer ${i} ends outside the body`)
    if (length > 0 && offset < free) refuse(`buffer ${i} overlaps the one before it`)
    if (length > 0) free = offset + length
    buffers.push({ from: flat.end + offset, length })
  }
  return buffers
}

/** Reads of a FlatBuffer, each checked against the end of the metadata. */
class FlatReader {
  /** Where the metadata ends and the body begins. */
  readonly end: number
  private readonly view: DataView
  private static readonly start = 8

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < 16) refuse(`it has only ${bytes.length} bytes`)
    if (this.view.getInt32(0, true) !== -1) refuse('its continuation is missing')
    const length = this.view.getInt32(4, true)
    if (length < 8 || length > metadataMax || (length & 7) !== 0) refuse(`its metadata length is ${length}`)
    this.end = FlatReader.start + length
    if (this.end > bytes.length) refuse('its metadata is cut off')
  }

  root(): number {
    return this.table(FlatReader.start + this.u32(FlatReader.start), 'root')
  }

  u8(at: number): number {
    return this.view.getUint8(this.inside(at, 1))
  }

  u16(at: number): number {
    return this.view.getUint16(this.inside(at, 2), true)
  }

  u32(at: number): number {
    return this.view.getUint32(this.inside(at, 4), true)
  }

  /** An int64 in [0, 2^31). */
  long(at: number, what: string): number {
    const low = this.view.getUint32(this.inside(at, 8), true)
    if (this.view.getUint32(at + 4, true) !== 0 || low > long) refuse(`its ${what} is negative or too large`)
    return low
  }

  /** The position of field `id` of a table, 0 where it is left out. */
  field(table: number, id: number): number {
    const vtable = table - this.view.getInt32(this.inside(table, 4), true)
    const size = this.u16(vtable)
    if (size < 4 || (size & 1) !== 0) refuse(`a vtable has ${size} bytes`)
    this.inside(vtable, size)
    if (4 + 2 * id >= size) return 0
    const offset = this.u16(vtable + 4 + 2 * id)
    return offset === 0 ? 0 : table + offset
  }

  /** The table that the reference at `at` means. */
  follow(at: number, what: string): number {
    if (at === 0) refuse(`its ${what} is missing`)
    return this.table(at + this.u32(at), what)
  }

  /** The first of exactly `count` structs of 16 bytes. */
  structs(at: number, count: number, what: string): number {
    if (at === 0) refuse(`its ${what} are missing`)
    const vector = at + this.u32(at)
    const found = this.u32(vector)
    if (found !== count) refuse(`it has ${found} ${what} where the schema has ${count}`)
    if (count > 0) this.inside(vector + 4, 16 * count)
    return vector + 4
  }

  private table(at: number, what: string): number {
    if (at < FlatReader.start || at + 4 > this.end) refuse(`its ${what} lies outside the metadata`)
    return at
  }

  private inside(at: number, bytes: number): number {
    if (at < FlatReader.start || at + bytes > this.end) refuse('a reference leaves the metadata')
    return at
  }
}
