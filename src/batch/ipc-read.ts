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
import {
  type BatchMetadata,
  type BufferMetadata,
  type IpcLimits,
  type NodeMetadata,
  readMetadata,
  refuse,
} from './ipc-metadata.js'
import { type IpcTemplate } from './ipc-write.js'
import { sliceColumn } from './slice.js'
import { textsAreUtf8 } from './utf8.js'
import { type Nulls, hasOffsets, makeColumn, noBytes, noNulls, valueBytes } from './views.js'

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
    const { length } = node
    const nulls = this.nulls(node, name)
    if (type.kind === 'struct') {
      const children = this.members(type, length, nulls, name)
      return makeColumn(type, length, nulls, { offsets: null, values: noBytes, children })
    }
    if (!hasOffsets(type)) {
      const values = this.next(valueBytes(type, length) ?? 0, name)
      return makeColumn(type, length, nulls, { offsets: null, values, children: [] })
    }
    const offsets = this.offsets(length, name)
    const isText = type.kind === 'utf8' || type.kind === 'binary'
    const inside = isText ? this.text(type, offsets, name) : this.items(type, offsets, name)
    return fromZero(makeColumn(type, length, nulls, { offsets, values: inside.values, children: inside.children }))
  }

  private nextNode(): NodeMetadata {
    return this.metadata.nodes[this.node++] ?? refuse('a node is missing')
  }

  private nextPlace(): BufferMetadata {
    return this.metadata.buffers[this.buffer++] ?? refuse('a buffer is missing')
  }

  /** The first `need` bytes of the next buffer; 8-byte aligned. */
  private next(need: number, name: string): Uint8Array {
    const place = this.nextPlace()
    if (place.length < need) refuse(`${name} needs ${need} bytes and has ${place.length}`)
    return need === 0 ? noBytes : this.view(place.from, need)
  }

  /** Made anew rather than by `subarray`, which takes twice as long: there are a dozen of them in a batch. */
  private view(from: number, length: number): Uint8Array {
    const { buffer, byteOffset } = this.bytes
    const part = new Uint8Array(buffer, byteOffset + from, length)
    return (part.byteOffset & 7) === 0 ? part : new Uint8Array(part)
  }

  /** A bitmap that is there is counted, even where the node says that nothing is null. */
  private nulls({ length, nullCount }: NodeMetadata, name: string): Nulls {
    const place = this.nextPlace()
    if (place.length === 0 && nullCount === 0) return noNulls
    if (place.length < bitmapBytes(length)) refuse(`the validity of ${name} is too short`)
    const bits = this.view(place.from, bitmapBytes(length))
    const zeros = length - countOnes(bits, length)
    if (zeros !== nullCount) refuse(`${name} says ${nullCount} nulls and has ${zeros}`)
    return nullCount === 0 ? noNulls : { nullCount, validity: cleanTail(bits, length) }
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

  private text(type: DataType, offsets: Int32Array, name: string): Inside {
    const values = this.next(offsets[offsets.length - 1] ?? 0, name)
    if (type.kind === 'utf8' && !textsAreUtf8(values, offsets)) refuse(`${name} is not UTF-8`)
    return { values, children: [] }
  }

  private items(type: DataType, offsets: Int32Array, name: string): Inside {
    const [itemType] = childrenOf(type)
    if (itemType === undefined) return refuse(`${formatType(type)} has no items`)
    const items = this.column(itemType, `items of ${name}`)
    const last = offsets[offsets.length - 1] ?? 0
    if (items.length < last) refuse(`${name} has ${items.length} items and needs ${last}`)
    if (type.kind === 'map' && items.nullCount > 0) refuse(`${name} has an entry that is null`)
    return { values: noBytes, children: [sliceColumn(items, 0, last)] }
  }

  private members(
    type: DataType & { readonly kind: 'struct' },
    length: number,
    nulls: Nulls,
    name: string,
  ): readonly Column[] {
    return type.fields.map(field => {
      const member = this.column(field.type, `member "${field.name}" of ${name}`)
      if (member.length !== length) refuse(`member "${field.name}" of ${name} has another length`)
      if (field.required === true) checkRequired(member, nulls.validity, field, name)
      return member
    })
  }
}

type Inside = Pick<Column, 'values' | 'children'>

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
