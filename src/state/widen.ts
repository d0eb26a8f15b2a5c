/** Widening: values of a narrower type as those of a wider one that has all of them. */
import { type Column, makeColumn } from '../batch/index.js'
import { type DataType, byteWidth } from '../schema/index.js'
import { invariant } from '../base/index.js'

const signed: readonly string[] = ['int8', 'int16', 'int32', 'int64']
const unsigned: readonly string[] = ['uint8', 'uint16', 'uint32', 'uint64']

/** Whether every value of `from` is one of `to`, and they are not the same type. */
export function isWider(from: DataType, to: DataType): boolean {
  if (from.kind === 'utf8') return to.kind === 'binary'
  if (from.kind === 'float32') return to.kind === 'float64'
  if (from.kind === 'decimal128' && to.kind === 'decimal128') {
    return from.scale === to.scale && from.precision < to.precision
  }
  const [s, u] = [signed.indexOf(from.kind), unsigned.indexOf(from.kind)]
  if (to.kind === 'float64') return (s >= 0 && s < 3) || (u >= 0 && u < 3)
  if (s >= 0) return signed.indexOf(to.kind) > s
  return u >= 0 && (unsigned.indexOf(to.kind) > u || signed.indexOf(to.kind) > u)
}

/** `column` as `to`, which is wider. */
export function widen(column: Column, to: DataType): Column {
  const { length, nullCount, validity, offsets } = column
  const sameBytes = column.type.kind === 'utf8' || column.type.kind === 'decimal128'
  const values = sameBytes ? column.values : numbers(column, to)
  return makeColumn(to, length, { nullCount, validity }, { offsets, values, children: [] })
}

function numbers({ type, length, values }: Column, to: DataType): Uint8Array {
  const from = new DataView(values.buffer, values.byteOffset, values.byteLength)
  const width = byteWidth(to)
  const wide = new Uint8Array(new ArrayBuffer(width * length))
  const into = new DataView(wide.buffer)
  const [read, write] = [readerOf(type), writerOf(to)]
  const step = byteWidth(type)
  for (let i = 0; i < length; i++) write(into, i * width, read(from, i * step))
  return wide
}

type Read = (view: DataView, at: number) => number
type Write = (view: DataView, at: number, value: number) => void

/** 64-bit integers are never the narrower one. */
function readerOf({ kind }: DataType): Read {
  const readers: Readonly<Record<string, Read>> = {
    int8: (v, at) => v.getInt8(at),
    int16: (v, at) => v.getInt16(at, true),
    int32: (v, at) => v.getInt32(at, true),
    uint8: (v, at) => v.getUint8(at),
    uint16: (v, at) => v.getUint16(at, true),
    uint32: (v, at) => v.getUint32(at, true),
    float32: (v, at) => v.getFloat32(at, true),
  }
  const read = readers[kind]
  invariant(read !== undefined, `${kind} has a wider type`)
  return read
}

function writerOf({ kind }: DataType): Write {
  const writers: Readonly<Record<string, Write>> = {
    int16: (v, at, x) => v.setInt16(at, x, true),
    int32: (v, at, x) => v.setInt32(at, x, true),
    int64: (v, at, x) => v.setBigInt64(at, BigInt(x), true),
    uint16: (v, at, x) => v.setUint16(at, x, true),
    uint32: (v, at, x) => v.setUint32(at, x, true),
    uint64: (v, at, x) => v.setBigUint64(at, BigInt(x), true),
    float64: (v, at, x) => v.setFloat64(at, x, true),
  }
  const write = writers[kind]
  invariant(write !== undefined, `${kind} is wider than another type`)
  return write
}
