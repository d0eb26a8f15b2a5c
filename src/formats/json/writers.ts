/** Writers: how the values of each type of column are written as JSON, one value at a time. */
import { type Column } from '../../batch/index.js'
import { invariant } from '../../base/index.js'
import { formatDate, formatTime } from '../../kernels/index.js'
import { type DataType } from '../../schema/index.js'
import { type Output, decimalText, float32Text, floatText } from './output.js'
import { unitDigits } from './scalars.js'

/** Writes the value of a row. */
export type Write = (row: number) => void

export function writer(column: Column, out: Output): Write {
  const write = valueWriter(column, out)
  const { validity } = column
  if (validity === null || column.nullCount === 0) return write
  return row => {
    if (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) write(row)
    else out.ascii('null')
  }
}

function valueWriter(column: Column, out: Output): Write {
  const { type, values } = column
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
  switch (type.kind) {
    case 'bool':
      return row => out.ascii(((values[row >> 3] ?? 0) >> (row & 7)) & 1 ? 'true' : 'false')
    case 'float32':
      return row => out.ascii(float32Text(view.getFloat32(row * 4, true)))
    case 'float64':
      return row => out.ascii(floatText(view.getFloat64(row * 8, true)))
    case 'utf8':
    case 'binary':
      return bytesWriter(column, out)
    case 'list':
      return listWriter(column, out)
    case 'map':
      return mapWriter(column, type, out)
    case 'struct':
      return objectWriter(
        type.fields.map(field => field.name),
        column.children,
        out,
      )
    default: {
      const text = scalarText(type, view)
      return row => out.ascii(text(row))
    }
  }
}

/** Types whose text is quickest made as a string. */
export function scalarText(type: DataType, view: DataView): (row: number) => string {
  switch (type.kind) {
    case 'int8':
      return row => String(view.getInt8(row))
    case 'uint8':
      return row => String(view.getUint8(row))
    case 'int16':
      return row => String(view.getInt16(row * 2, true))
    case 'uint16':
      return row => String(view.getUint16(row * 2, true))
    case 'int32':
      return row => String(view.getInt32(row * 4, true))
    case 'uint32':
      return row => String(view.getUint32(row * 4, true))
    case 'uint64':
      return row => view.getBigUint64(row * 8, true).toString()
    case 'date32':
      return row => dateText(view.getInt32(row * 4, true))
    case 'timestamp':
      return row => {
        const value = view.getBigInt64(row * 8, true)
        const text = formatTime(value, unitDigits[type.unit], type.tz !== null)
        return text === null ? value.toString() : `"${text}"`
      }
    case 'decimal128':
      return row => {
        const value = (view.getBigInt64(row * 16 + 8, true) << 64n) | view.getBigUint64(row * 16, true)
        return decimalText(value, type.scale)
      }
    default:
      return row => view.getBigInt64(row * 8, true).toString()
  }
}

/** A year without four digits cannot be written as a date; days can always be read back. */
function dateText(days: number): string {
  const text = formatDate(days)
  return text === null ? String(days) : `"${text}"`
}

function bytesWriter(column: Column, out: Output): Write {
  const { type, values } = column
  const offsets = offsetsOf(column)
  if (type.kind === 'utf8') return row => out.string(values, offsets[row] ?? 0, offsets[row + 1] ?? 0)
  return row => {
    const bytes = values.subarray(offsets[row], offsets[row + 1])
    out.ascii(`"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}"`)
  }
}

function offsetsOf(column: Column): Int32Array {
  invariant(column.offsets !== null, 'a column of variable length has offsets')
  return column.offsets
}

function listWriter(column: Column, out: Output): Write {
  const offsets = offsetsOf(column)
  const [items] = column.children
  invariant(items !== undefined, 'a list has items')
  const write = writer(items, out)
  return row => {
    const from = offsets[row] ?? 0
    const to = offsets[row + 1] ?? 0
    out.byte(91)
    for (let i = from; i < to; i++) {
      if (i > from) out.byte(44)
      write(i)
    }
    out.byte(93)
  }
}

/** With utf8 keys an object, else an array of [key, value]. */
function mapWriter(column: Column, type: DataType & { readonly kind: 'map' }, out: Output): Write {
  const offsets = offsetsOf(column)
  const [keys, values] = column.children[0]?.children ?? []
  invariant(keys !== undefined && values !== undefined, 'a map has keys and values')
  const writeKey = writer(keys, out)
  const writeValue = writer(values, out)
  const [open, between, close] = type.key.kind === 'utf8' ? ['', ':', ''] : ['[', ',', ']']
  const [begin, end] = type.key.kind === 'utf8' ? ['{', '}'] : ['[', ']']
  return row => {
    const from = offsets[row] ?? 0
    const to = offsets[row + 1] ?? 0
    out.ascii(begin)
    for (let i = from; i < to; i++) {
      out.ascii(i > from ? `,${open}` : open)
      writeKey(i)
      out.ascii(between)
      writeValue(i)
      out.ascii(close)
    }
    out.ascii(end)
  }
}

/** An object with these members in order; rows and structs. */
export function objectWriter(names: readonly string[], columns: readonly Column[], out: Output): Write {
  const members = columns.map((column, i) => ({
    key: new TextEncoder().encode(`${i === 0 ? '' : ','}${JSON.stringify(names[i])}:`),
    write: writer(column, out),
  }))
  return row => {
    out.byte(123)
    for (const { key, write } of members) {
      out.copy(key, 0, key.length)
      write(row)
    }
    out.byte(125)
  }
}
