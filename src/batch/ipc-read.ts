/**
 * Columns from foreign bytes: each buffer long enough for its array, each bitmap with as many zeros as the
 * node says, offsets ascending inside the values, text UTF-8, children as long as their parent says, nulls
 * only where the field allows them. What passes is a batch like one of ours.
 *
 * The columns are views of `bytes` where a buffer is 8-byte aligned, copies elsewhere: the caller gives bytes
 * that nobody else writes to (out of a shared mapping: a copy).
 */
import { type DataType, type Field, type Schema, childrenOf, flatten, formatType } from '../schema/index.js'
import { bitAt, bitmapBytes, countOnes } from './bits.js'
import { type Batch, type Column } from './column.js'
import { type BatchMetadata, type IpcLimits, type NodeMetadata, readMetadata, refuse } from './ipc-metadata.js'
import { type IpcTemplate } from './ipc-write.js'
import { sliceColumn } from './slice.js'
import { textsAreUtf8 } from './utf8.js'
import { hasOffsets, noBytes, valueBytes } from './views.js'

/**
 * One encapsulated record batch message of `schema`, read without trust.
 *
 * @param bytes the message from its continuation on; what comes after its body is not looked at.
 * @throws ProtocolError ANB5001 with the reason.
 */
export function readIpc(schema: Schema | IpcTemplate, bytes: Uint8Array, limits: IpcLimits = {}): Batch {
  const known = 'layout' in schema ? schema : { schema, layout: flatten(schema) }
  const { nodes, buffers } = known.layout
  const metadata = readMetadata(bytes, { nodes: nodes.length, buffers: buffers.length }, limits)
  const reader = new ColumnReader(bytes, metadata)
  const columns = known.schema.fields.map(field => {
    const column = reader.column(field.type, `column "${field.name}"`)
    if (column.length !== metadata.rows) refuse(`column "${field.name}" has ${column.length} rows of ${metadata.rows}`)
    if (field.required === true && column.nullCount > 0) refuse(`column "${field.name}" has nulls, but is required`)
    return column
  })
  return { schema: known.schema, rows: metadata.rows, columns }
}

class ColumnReader {
  private node = 0
  private buffer = 0
  constructor(
    private readonly bytes: Uint8Array,
    private readonly metadata: BatchMetadata,
  ) {}

  column(type: DataType, name: string): Column {
    const node = this.nextNode()
    const { length, nullCount } = node
    const validity = this.validity(node, name)
    const shared = { type, length, nullCount, validity }
    if (type.kind === 'struct')
      return { ...shared, offsets: null, values: noBytes, children: this.members(shared, type, name) }
    if (!hasOffsets(type)) {
      const values = this.values(valueBytes(type, length) ?? 0, name)
      return { ...shared, offsets: null, values, children: [] }
    }
    const offsets = this.offsets(length, name)
    if (type.kind === 'utf8' || type.kind === 'binary') return this.text(shared, offsets, name)
    return this.list(shared, offsets, name)
  }

  private nextNode(): NodeMetadata {
    return this.metadata.nodes[this.node++] ?? refuse('a node is missing')
  }

  /** The next buffer, at least `need` bytes of it; 8-byte aligned. */
  private next(need: number, name: string): Uint8Array {
    const place = this.metadata.buffers[this.buffer++] ?? refuse('a buffer is missing')
    if (place.length < need) refuse(`${name} needs ${need} bytes and has ${place.length}`)
    const part = this.bytes.subarray(place.from, place.from + place.length)
    return (part.byteOffset & 7) === 0 ? part : new Uint8Array(part)
  }

  private values(need: number, name: string): Uint8Array {
    return this.next(need, name).subarray(0, need)
  }

  private validity({ length, nullCount }: NodeMetadata, name: string): Uint8Array | null {
    const bits = this.next(nullCount === 0 ? 0 : bitmapBytes(length), name)
    if (bits.length === 0) return null
    if (bits.length < bitmapBytes(length)) refuse(`the validity of ${name} is too short`)
    const nulls = length - countOnes(bits, length)
    if (nulls !== nullCount) refuse(`${name} says ${nullCount} nulls and has ${nulls}`)
    return nullCount === 0 ? null : cleanTail(bits.subarray(0, bitmapBytes(length)), length)
  }

  /** Arrow lets an array of 0 values have no offsets at all. */
  private offsets(length: number, name: string): Int32Array {
    const bytes = this.next(length === 0 ? 0 : 4 * (length + 1), name)
    if (length === 0) return new Int32Array(1)
    const offsets = new Int32Array(bytes.buffer, bytes.byteOffset, length + 1)
    let before = offsets[0] ?? 0
    let sign = before
    for (let i = 1; i <= length; i++) {
      const offset = offsets[i] ?? 0
      sign |= offset | (offset - before)
      before = offset
    }
    if (sign < 0) refuse(`the offsets of ${name} do not ascend from 0`)
    return offsets
  }

  private text(shared: Omit<Column, 'offsets' | 'values' | 'children'>, offsets: Int32Array, name: string): Column {
    const last = offsets[shared.length] ?? 0
    const values = this.values(last, name)
    if (shared.type.kind === 'utf8' && !textsAreUtf8(values, offsets)) refuse(`${name} is not UTF-8`)
    return fromZero({ ...shared, offsets, values, children: [] })
  }

  private list(shared: Omit<Column, 'offsets' | 'values' | 'children'>, offsets: Int32Array, name: string): Column {
    const { type, length } = shared
    const [itemType] = childrenOf(type)
    if (itemType === undefined) return refuse(`${formatType(type)} has no items`)
    const items = this.column(itemType, `items of ${name}`)
    const last = offsets[length] ?? 0
    if (items.length < last) refuse(`${name} has ${items.length} items and needs ${last}`)
    if (type.kind === 'map' && items.nullCount > 0) refuse(`${name} has an entry that is null`)
    const used = sliceColumn(items, 0, last)
    return fromZero({ ...shared, offsets, values: noBytes, children: [used] })
  }

  private members(
    shared: Omit<Column, 'offsets' | 'values' | 'children'>,
    type: DataType & { readonly kind: 'struct' },
    name: string,
  ): readonly Column[] {
    return type.fields.map(field => {
      const member = this.column(field.type, `member "${field.name}" of ${name}`)
      if (member.length !== shared.length) refuse(`member "${field.name}" of ${name} has another length`)
      if (field.required === true) checkRequired(member, shared.validity, field, name)
      return member
    })
  }
}

/** A required member may be null only where its whole struct is. */
function checkRequired(member: Column, parent: Uint8Array | null, field: Field, name: string): void {
  const { validity } = member
  if (validity === null) return
  for (let i = 0; i < member.length; i++) {
    if (bitAt(validity, i) === 0 && (parent === null || bitAt(parent, i) === 1)) {
      refuse(`member "${field.name}" of ${name} has nulls, but is required`)
    }
  }
}

/** Bits after the last one may be anything in Arrow; ours are zero. */
function cleanTail(bits: Uint8Array, length: number): Uint8Array {
  const rest = length & 7
  const last = bits.length - 1
  if (rest === 0 || (bits[last] ?? 0) >> rest === 0) return bits
  const clean = new Uint8Array(bits)
  clean[last] = (bits[last] ?? 0) & ((1 << rest) - 1)
  return clean
}

/** Offsets that begin elsewhere begin at 0 afterwards; what lies before and behind is cut off. */
function fromZero(column: Column): Column {
  const { offsets, length } = column
  const first = offsets?.[0] ?? 0
  if (offsets === null || first === 0) return column
  const last = offsets[length] ?? 0
  const values = column.children.length > 0 ? noBytes : new Uint8Array(column.values.subarray(first, last))
  return {
    ...column,
    offsets: offsets.map(o => o - first),
    values,
    children: column.children.map(c => sliceColumn(c, first, last)),
  }
}
