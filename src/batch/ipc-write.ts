/**
 * Record batch messages: continuation, metadata, body. The metadata of a schema has always the same form,
 * so it is laid out once and each batch patches its numbers in place: rows, nodes, buffers, body length.
 * Buffers lie at multiples of 64 from the start of the message; what is in the gaps is zero.
 */
import { type Layout, type Schema, flatten } from '../schema/index.js'
import { bitmapBytes } from './bits.js'
import { type Batch, type Column } from './column.js'
import { metadataVersion } from './ipc-schema.js'
import { bytesOf, extent, hasOffsets, valueBytes } from './views.js'

export interface IpcTemplate {
  readonly schema: Schema
  readonly layout: Layout
  /** Continuation, length and metadata with zeros for what a batch patches; a multiple of 64 long. */
  readonly metadata: Uint8Array
}

/** Where the numbers of a batch stand in the metadata of every template, from the start of the message. */
const at = { bodyLength: 32, rows: 72, nodes: 88 } as const
const recordBatchHeader = 3
const align64 = (bytes: number): number => Math.ceil(bytes / 64) * 64

/**
 * The metadata of this schema's record batches, by hand, since its form is fixed: root, vtable and table of
 * Message, vtable and table of RecordBatch, its nodes and its buffers.
 */
export function ipcTemplate(schema: Schema): IpcTemplate {
  const layout = flatten(schema)
  const buffers = at.nodes + 16 * layout.nodes.length + 8
  const metadata = new Uint8Array(align64(buffers + 16 * layout.buffers.length))
  const view = new DataView(metadata.buffer)
  const u16s = (from: number, values: readonly number[]): void =>
    values.forEach((v, i) => view.setUint16(from + 2 * i, v, true))
  const u32 = (from: number, value: number): void => view.setUint32(from, value, true)
  u32(0, 0xffffffff)
  u32(4, metadata.length - 8)
  u32(8, 16) // the root: the Message at 24
  u16s(12, [12, 24, 16, 18, 4, 8]) // its vtable: version, header type, header, body length
  u32(24, 12)
  u32(28, 64 - 28)
  u16s(40, [metadataVersion, recordBatchHeader])
  u16s(48, [10, 20, 8, 4, 16]) // vtable of RecordBatch: length, nodes, buffers
  u32(64, 16)
  u32(68, at.nodes - 4 - 68)
  u32(80, buffers - 4 - 80)
  u32(at.nodes - 4, layout.nodes.length)
  u32(buffers - 4, layout.buffers.length)
  return { schema, layout, metadata }
}

/** Bytes that `writeIpc` will write for this batch: a multiple of 64. */
export function ipcSize(template: IpcTemplate, batch: Batch): number {
  return batch.columns.reduce((size, c) => size + bodySize(c), template.metadata.length)
}

function bodySize(column: Column): number {
  const own = align64(validityBytes(column)) + align64(offsetBytes(column)) + align64(dataBytes(column))
  return column.children.reduce((size, c) => size + bodySize(c), own)
}

const validityBytes = (c: Column): number => (c.nullCount === 0 ? 0 : bitmapBytes(c.length))
const offsetBytes = (c: Column): number => (hasOffsets(c.type) ? 4 * (c.length + 1) : 0)
const dataBytes = (c: Column): number => valueBytes(c.type, c.length) ?? extent(c)

/**
 * Writes the message to `target` at byte `at`, best a multiple of 64. `target` has room for `ipcSize`.
 *
 * @returns bytes written: `ipcSize(template, batch)`.
 */
export function writeIpc(template: IpcTemplate, batch: Batch, target: Uint8Array, start: number): number {
  const { metadata, layout } = template
  target.set(metadata, start)
  const view = new DataView(target.buffer, target.byteOffset + start, metadata.length)
  const writer = new BodyWriter(target, start + metadata.length, view, at.nodes + 16 * layout.nodes.length + 8)
  for (const column of batch.columns) writer.column(column)
  putLong(view, at.rows, batch.rows)
  putLong(view, at.bodyLength, writer.length)
  return metadata.length + writer.length
}

/** Lengths are below 2^53; a BigInt would be an object for each of them. */
function putLong(view: DataView, position: number, value: number): void {
  view.setUint32(position, value >>> 0, true)
  view.setUint32(position + 4, Math.floor(value / 4294967296), true)
}

class BodyWriter {
  /** Bytes of the body so far. */
  length = 0
  private node: number = at.nodes
  private buffer: number
  constructor(
    private readonly target: Uint8Array,
    private readonly body: number,
    private readonly view: DataView,
    firstBuffer: number,
  ) {
    this.buffer = firstBuffer
  }

  column(column: Column): void {
    putLong(this.view, this.node, column.length)
    putLong(this.view, this.node + 8, column.nullCount)
    this.node += 16
    this.part(column.validity, validityBytes(column))
    if (hasOffsets(column.type)) this.part(column.offsets, offsetBytes(column))
    if (column.type.kind !== 'struct' && column.type.kind !== 'list' && column.type.kind !== 'map') {
      this.part(column.values, dataBytes(column))
    }
    for (const child of column.children) this.column(child)
  }

  private part(bytes: Uint8Array | Int32Array | null, length: number): void {
    putLong(this.view, this.buffer, this.length)
    putLong(this.view, this.buffer + 8, length)
    this.buffer += 16
    if (length === 0) return
    const from = this.body + this.length
    if (bytes !== null) this.target.set(exactly(bytes, length), from)
    else this.target.fill(0, from, from + length)
    this.length += align64(length)
    this.target.fill(0, from + length, this.body + this.length)
  }
}

function exactly(bytes: Uint8Array | Int32Array, length: number): Uint8Array {
  const whole = bytes instanceof Uint8Array ? bytes : bytesOf(bytes)
  return whole.length === length ? whole : whole.subarray(0, length)
}
