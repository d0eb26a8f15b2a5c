/**
 * Layout: a type as the Arrow columnar format stores it (https://arrow.apache.org/docs/format/Columnar.html).
 *
 * One array has a length, a null count, buffers in a fixed order and child arrays. Record batches list
 * nodes and buffers depth first, parent before children; `flatten` gives that list.
 */
import { type DataType, type Schema } from './types.js'

/** `validity` and `bits` are bitmaps, least significant bit first; `offsets` are int32, n + 1 of them. */
export type BufferKind = 'validity' | 'offsets' | 'bits' | 'fixed' | 'bytes'

/** Bytes of one value of a fixed width type; 0 for bool (a bit) and for what has no fixed width. */
export function byteWidth(type: DataType): number {
  switch (type.kind) {
    case 'int8':
    case 'uint8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
    case 'uint32':
    case 'float32':
    case 'date32':
      return 4
    case 'int64':
    case 'uint64':
    case 'float64':
    case 'timestamp':
    case 'duration':
      return 8
    case 'decimal128':
      return 16
    default:
      return 0
  }
}

/** The buffers of one array of this type, in Arrow's order; children come after them. */
export function buffersOf(type: DataType): readonly BufferKind[] {
  switch (type.kind) {
    case 'bool':
      return ['validity', 'bits']
    case 'utf8':
    case 'binary':
      return ['validity', 'offsets', 'bytes']
    case 'list':
    case 'map':
      return ['validity', 'offsets']
    case 'struct':
      return ['validity']
    default:
      return ['validity', 'fixed']
  }
}

/** The child types of a type, in order; a map has one child, a struct of key and value. */
export function childrenOf(type: DataType): readonly DataType[] {
  switch (type.kind) {
    case 'list':
      return [type.item]
    case 'struct':
      return type.fields.map(f => f.type)
    case 'map':
      return [mapEntries(type)]
    default:
      return []
  }
}

/** The struct that a map is a list of; Arrow calls it `entries` and forbids null keys. */
export function mapEntries(type: DataType & { readonly kind: 'map' }): DataType {
  return {
    kind: 'struct',
    fields: [
      { name: 'key', type: type.key, required: true },
      { name: 'value', type: type.value },
    ],
  }
}

export interface LayoutNode {
  readonly type: DataType
  /** Index of the node of its parent, or -1 for a column. */
  readonly parent: number
  /** Index of its first buffer in the flat list. */
  readonly firstBuffer: number
}
export interface Layout {
  readonly nodes: readonly LayoutNode[]
  readonly buffers: readonly BufferKind[]
}

/** Nodes and buffers of a record batch of this schema, in the order in which its metadata lists them. */
export function flatten(schema: Schema): Layout {
  const nodes: LayoutNode[] = []
  const buffers: BufferKind[] = []
  const add = (type: DataType, parent: number): void => {
    const index = nodes.length
    nodes.push({ type, parent, firstBuffer: buffers.length })
    buffers.push(...buffersOf(type))
    for (const child of childrenOf(type)) add(child, index)
  }
  for (const field of schema.fields) add(field.type, -1)
  return { nodes, buffers }
}
