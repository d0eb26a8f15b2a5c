/** Fields of CSV into columns: the bytes of one field, without quotes, as a value of the column's type. */
import { utf8Fault } from '../../kernels/index.js'
import { type DataType, formatType } from '../../schema/index.js'
import { BitBuilder, type ColumnBuilder, FixedBuilder } from '../columns/builder.js'
import { BytesBuilder } from '../columns/nested-builder.js'
import { scaled, written } from '../json/number.js'
import { appendDecimal, appendExact, appendSmall, appendWhole, unitDigits, wholeOf } from '../json/scalars.js'
import { undoBase64 } from '../json/strings.js'
import { isNumber, shortDate, shortFloat, shortTime, shortWhole } from './short.js'

/** A column that can read a field: afterwards it is one longer, where the answer is true. */
export interface FieldReader {
  readonly builder: ColumnBuilder
  /** What the column takes, for messages. */
  readonly expected: string
  readonly read: (bytes: Uint8Array, from: number, to: number) => boolean
}

/** A longer text is no number, date or time. Bytes. */
const scalarBytesMax = 400

/** The reader of a flat type. */
export function fieldReader(type: DataType): FieldReader {
  switch (type.kind) {
    case 'bool':
      return boolReader(type)
    case 'float32':
    case 'float64':
      return floatReader(type)
    case 'utf8':
      return textReader(type)
    case 'binary':
      return binaryReader(type)
    case 'decimal128':
      return decimalReader(type)
    default:
      return wholeReader(type)
  }
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > scalarBytesMax) return ''
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] ?? 0)
  return text
}

const truths = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
])

function boolReader(type: DataType): FieldReader {
  const builder = new BitBuilder(type)
  const read: FieldReader['read'] = (bytes, from, to) => {
    const value = truths.get(ascii(bytes, from, to).toLowerCase())
    if (value !== undefined) builder.append(value)
    return value !== undefined
  }
  return { builder, expected: 'bool as true or false', read }
}

function textReader(type: DataType): FieldReader {
  const builder = new BytesBuilder(type)
  const read: FieldReader['read'] = (bytes, from, to) => {
    builder.need(to - from)
    const { content, filled } = builder
    let seen = 0
    for (let i = from; i < to; i++) {
      const byte = bytes[i] ?? 0
      seen |= byte
      content[filled + i - from] = byte
    }
    if (seen >= 0x80 && utf8Fault(bytes, from, to) >= 0) return false
    builder.filled = filled + to - from
    builder.close()
    return true
  }
  return { builder, expected: 'UTF-8', read }
}

function binaryReader(type: DataType): FieldReader {
  const builder = new BytesBuilder(type)
  const read: FieldReader['read'] = (bytes, from, to) => {
    const begin = builder.filled
    builder.append(bytes, from, to)
    if (!undoBase64(builder, begin)) return false
    builder.close()
    return true
  }
  return { builder, expected: 'binary as base64', read }
}

function decimalReader(type: DataType & { readonly kind: 'decimal128' }): FieldReader {
  const builder = new FixedBuilder(type)
  const limit = 10n ** BigInt(type.precision)
  const read: FieldReader['read'] = (bytes, from, to) => {
    const number = written(ascii(bytes, from, to))
    const value = number === null ? null : scaled(number, type.scale)
    if (value === null || value >= limit || value <= -limit) return false
    appendDecimal(builder, value)
    return true
  }
  return { builder, expected: formatType(type), read }
}

function wholeReader(type: DataType): FieldReader {
  const builder = new FixedBuilder(type)
  const whole = wholeOf(type)
  const isSigned64 = whole.bytes === 8 && whole.min < 0n
  const isSmall = whole.bytes < 8
  const [smallMin, smallMax] = [Number(whole.min), Number(whole.max)]
  const shortOf = shortReader(type)
  const read: FieldReader['read'] = (bytes, from, to) => {
    const short = shortOf(bytes, from, to)
    if (isSigned64 && !Number.isNaN(short)) {
      appendExact(builder, short)
      return true
    }
    if (isSmall && short >= smallMin && short <= smallMax) {
      appendSmall(builder, whole.bytes, short)
      return true
    }
    const value = longWhole(ascii(bytes, from, to), whole.parse)
    if (value === null || value < whole.min || value > whole.max) return false
    appendWhole(builder, whole.bytes, value)
    return true
  }
  return { builder, expected: whole.expected.replace(/"/g, ''), read }
}

/** Reads the form that the type has nearly always. */
function shortReader(type: DataType): (bytes: Uint8Array, from: number, to: number) => number {
  if (type.kind === 'date32') return shortDate
  if (type.kind !== 'timestamp') return shortWhole
  const digits = unitDigits[type.unit]
  return (bytes, from, to) => shortTime(bytes, from, to, digits)
}

/** Any number that stands for a whole one, so `1e3` and `2.0` too; dates and times as text. */
function longWhole(text: string, parse: ((text: string) => bigint | null) | null): bigint | null {
  const number = written(text)
  return number === null ? (parse?.(text) ?? null) : scaled(number, 0)
}

const notFinite = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
])

function floatReader(type: DataType): FieldReader {
  const builder = new FixedBuilder(type)
  const isSingle = type.kind === 'float32'
  const append = (value: number): true => {
    const at = builder.slot()
    if (isSingle) builder.view.setFloat32(at, value, true)
    else builder.view.setFloat64(at, value, true)
    builder.length += 1
    return true
  }
  const read: FieldReader['read'] = (bytes, from, to) => {
    const short = shortFloat(bytes, from, to)
    if (!Number.isNaN(short)) return append(short)
    const text = ascii(bytes, from, to)
    if (!isNumber(bytes, from, to)) {
      const special = notFinite.get(text.toLowerCase())
      return special !== undefined && append(special)
    }
    const value = Number(text)
    return Number.isFinite(isSingle ? Math.fround(value) : value) && append(value)
  }
  return { builder, expected: type.kind, read }
}
