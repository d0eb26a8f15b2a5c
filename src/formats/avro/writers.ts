/** Writers: how the values of each type of column are written, one value at a time. */
import { type Column } from '../../batch/index.js'
import { invariant } from '../../base/index.js'
import { type Output } from '../json/output.js'
import { type Write } from '../json/writers.js'
import { putBigLong, putLong, putUnscaled } from './numbers.js'

/** A union with null names the type before the value: 0 is null, 1 is not. */
export function fieldWriter(column: Column, isRequired: boolean, out: Output): Write {
  const write = valueWriter(column, out)
  if (isRequired) return write
  const { validity } = column
  if (validity === null || column.nullCount === 0) {
    return row => {
      out.byte(2)
      write(row)
    }
  }
  return row => {
    const isThere = ((validity[row >> 3] ?? 0) >> (row & 7)) & 1
    out.byte(isThere === 1 ? 2 : 0)
    if (isThere === 1) write(row)
  }
}

function valueWriter(column: Column, out: Output): Write {
  const { type, values } = column
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
  switch (type.kind) {
    case 'bool':
      return row => out.byte(((values[row >> 3] ?? 0) >> (row & 7)) & 1)
    case 'int8':
      return row => putLong(out, view.getInt8(row))
    case 'uint8':
      return row => putLong(out, view.getUint8(row))
    case 'int16':
      return row => putLong(out, view.getInt16(row * 2, true))
    case 'uint16':
      return row => putLong(out, view.getUint16(row * 2, true))
    case 'int32':
    case 'date32':
      return row => putLong(out, view.getInt32(row * 4, true))
    case 'uint32':
      return row => putLong(out, view.getUint32(row * 4, true))
    case 'uint64':
      return row => putUnscaled(out, view.getBigUint64(row * 8, true))
    case 'float32':
      return row => out.copy(values, row * 4, row * 4 + 4)
    case 'float64':
      return row => out.copy(values, row * 8, row * 8 + 8)
    case 'decimal128':
      return row => putUnscaled(out, (view.getBigInt64(row * 16 + 8, true) << 64n) | view.getBigUint64(row * 16, true))
    case 'utf8':
    case 'binary':
      return bytesWriter(column, out)
    case 'list':
    case 'map':
      return itemsWriter(column, out)
    case 'struct':
      return structWriter(column, out)
    default:
      return longWriter(view, out)
  }
}

/** Most numbers are exact without a BigInt, which costs several times as much. */
function longWriter(view: DataView, out: Output): Write {
  return row => {
    const high = view.getInt32(row * 8 + 4, true)
    if (high >= -(2 ** 19) && high < 2 ** 19) putLong(out, high * 2 ** 32 + view.getUint32(row * 8, true))
    else putBigLong(out, view.getBigInt64(row * 8, true))
  }
}

function bytesWriter({ offsets, values }: Column, out: Output): Write {
  return row => {
    const from = offsets?.[row] ?? 0
    const to = offsets?.[row + 1] ?? 0
    putLong(out, to - from)
    out.copy(values, from, to)
  }
}

function itemsWriter({ type, offsets, children }: Column, out: Output): Write {
  const [items] = children
  invariant(items !== undefined, 'a list has items')
  const write = type.kind === 'map' ? entryWriter(items, out) : fieldWriter(items, false, out)
  return row => {
    const from = offsets?.[row] ?? 0
    const to = offsets?.[row + 1] ?? 0
    if (to > from) putLong(out, to - from)
    for (let i = from; i < to; i++) write(i)
    out.byte(0)
  }
}

function entryWriter(entries: Column, out: Output): Write {
  const [keys, values] = entries.children
  invariant(keys !== undefined && values !== undefined, 'a map has keys and values')
  const writeKey = valueWriter(keys, out)
  const writeValue = fieldWriter(values, false, out)
  return row => {
    writeKey(row)
    writeValue(row)
  }
}

function structWriter({ type, children }: Column, out: Output): Write {
  invariant(type.kind === 'struct', 'a struct has fields')
  const writers = children.map((child, i) => fieldWriter(child, type.fields[i]?.required === true, out))
  return row => {
    for (const write of writers) write(row)
  }
}
