/**
 * Scalars of JSON: how one value of each flat type is read into its column. The value was walked by the
 * reader before, so it is valid JSON; what is decided here is whether it is one of the column's type.
 */
import { parseDate, parseTime } from '../../kernels/index.js'
import { type DataType, type TimeUnit, formatType } from '../../schema/index.js'
import { BitBuilder, type ColumnBuilder, FixedBuilder } from '../columns/builder.js'
import { BytesBuilder } from '../columns/nested-builder.js'
import { scaled, written } from './number.js'
import { type JsonReader, backslash, quote } from './reader.js'
import { readBase64, readText } from './strings.js'

/** Decimal digits behind the second. */
export const unitDigits: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 3, us: 6, ns: 9 }

/** A column that can read a value: afterwards the reader is behind it, and the column is one longer. */
export interface ColumnReader {
  readonly builder: ColumnBuilder
  /** A value at `reader.at` that is not null. */
  readonly read: (reader: JsonReader) => void
}

/** The reader of a flat type. */
export function scalarReader(type: DataType): ColumnReader {
  switch (type.kind) {
    case 'bool':
      return boolReader(type)
    case 'float32':
    case 'float64':
      return floatReader(type)
    case 'utf8':
    case 'binary':
      return bytesReader(type)
    case 'decimal128':
      return decimalReader(type)
    default:
      return integerReader(type)
  }
}

function boolReader(type: DataType): ColumnReader {
  const builder = new BitBuilder(type)
  const read = (reader: JsonReader): void => {
    const first = reader.next()
    if (first !== 116 && first !== 102) reader.failType('bool')
    reader.at += first === 116 ? 4 : 5
    builder.append(first === 116)
  }
  return { builder, read }
}

function floatReader(type: DataType): ColumnReader {
  const builder = new FixedBuilder(type)
  const single = type.kind === 'float32'
  const read = (reader: JsonReader): void => {
    const from = numberStart(reader, type.kind)
    const value = Number(reader.ascii(from, numberEnd(reader)))
    if (!Number.isFinite(single ? Math.fround(value) : value)) failAt(reader, from, type.kind)
    const at = builder.slot()
    if (single) builder.view.setFloat32(at, value, true)
    else builder.view.setFloat64(at, value, true)
    builder.length += 1
  }
  return { builder, read }
}

function bytesReader(type: DataType): ColumnReader {
  const builder = new BytesBuilder(type)
  const expected = type.kind === 'utf8' ? 'utf8' : 'binary as base64 text'
  const content = type.kind === 'utf8' ? readText : readBase64
  const read = (reader: JsonReader): void => {
    if (reader.next() !== quote) reader.failType(expected)
    const from = reader.at
    if (!content(reader, builder)) failAt(reader, from, expected)
    builder.close()
  }
  return { builder, read }
}

function decimalReader(type: DataType & { readonly kind: 'decimal128' }): ColumnReader {
  const builder = new FixedBuilder(type)
  const limit = 10n ** BigInt(type.precision)
  const expected = formatType(type)
  const read = (reader: JsonReader): void => {
    const quoted = reader.next() === quote
    const from = quoted ? reader.at : numberStart(reader, expected)
    const number = written(quoted ? plainText(reader) : reader.ascii(from, numberEnd(reader)))
    const value = number === null ? null : scaled(number, type.scale)
    if (value === null || value >= limit || value <= -limit) return failAt(reader, from, expected)
    appendDecimal(builder, value)
  }
  return { builder, read }
}

/** What integers, dates and times have in common: whole numbers of a width, some of which come as text too. */
export interface Whole {
  readonly bytes: 1 | 2 | 4 | 8
  readonly min: bigint
  readonly max: bigint
  readonly expected: string
  /** The number that a text stands for, where the type may come as text. */
  readonly parse: ((text: string) => bigint | null) | null
}

const signed = (bytes: 1 | 2 | 4 | 8) => {
  const half = 1n << BigInt(bytes * 8 - 1)
  return { bytes, min: -half, max: half - 1n, parse: null }
}
const unsigned = (bytes: 1 | 2 | 4 | 8) => ({ bytes, min: 0n, max: (1n << BigInt(bytes * 8)) - 1n, parse: null })

export function wholeOf(type: DataType): Whole {
  const expected = formatType(type)
  switch (type.kind) {
    case 'int8':
      return { ...signed(1), expected }
    case 'int16':
      return { ...signed(2), expected }
    case 'int32':
      return { ...signed(4), expected }
    case 'uint8':
      return { ...unsigned(1), expected }
    case 'uint16':
      return { ...unsigned(2), expected }
    case 'uint32':
      return { ...unsigned(4), expected }
    case 'uint64':
      return { ...unsigned(8), expected }
    case 'date32':
      return { ...signed(4), expected: 'date32 as "YYYY-MM-DD" or days', parse: dateNumber }
    case 'timestamp': {
      const { unit } = type
      const shown = `${expected} as ISO-8601 text or a whole number of ${unit}`
      return { ...signed(8), expected: shown, parse: text => parseTime(text, unitDigits[unit]) }
    }
    default:
      return { ...signed(8), expected }
  }
}

function dateNumber(text: string): bigint | null {
  const days = parseDate(text)
  return days === null ? null : BigInt(days)
}

function integerReader(type: DataType): ColumnReader {
  const builder = new FixedBuilder(type)
  const whole = wholeOf(type)
  const read = (reader: JsonReader): void => {
    if (whole.bytes === 8 && whole.min < 0n && readShort(reader, builder)) return
    const quoted = whole.parse !== null && reader.next() === quote
    const from = quoted ? reader.at : numberStart(reader, whole.expected)
    const value = quoted ? (whole.parse?.(plainText(reader)) ?? null) : wholeNumber(reader, from)
    if (value === null || value < whole.min || value > whole.max) return failAt(reader, from, whole.expected)
    appendWhole(builder, whole.bytes, value)
  }
  return { builder, read }
}

/** A value that fits into `bytes` bytes. */
export function appendWhole(builder: FixedBuilder, bytes: Whole['bytes'], value: bigint): void {
  if (bytes < 8) return appendSmall(builder, bytes, Number(value))
  const at = builder.slot()
  builder.view.setBigUint64(at, BigInt.asUintN(64, value), true)
  builder.length += 1
}

/** A value that fits into `bytes` bytes, at most 4. */
export function appendSmall(builder: FixedBuilder, bytes: Whole['bytes'], value: number): void {
  const at = builder.slot()
  if (bytes === 4) builder.view.setInt32(at, value, true)
  else if (bytes === 2) builder.view.setInt16(at, value, true)
  else builder.view.setInt8(at, value)
  builder.length += 1
}

/** The common case of 64 bits: a whole number that a JavaScript number holds exactly. */
export function appendExact(builder: FixedBuilder, value: number): void {
  const slot = builder.slot()
  const high = Math.floor(value / 4_294_967_296)
  builder.view.setUint32(slot, value - high * 4_294_967_296, true)
  builder.view.setInt32(slot + 4, high, true)
  builder.length += 1
}

export function appendDecimal(builder: FixedBuilder, value: bigint): void {
  const at = builder.slot()
  builder.view.setBigUint64(at, BigInt.asUintN(64, value), true)
  builder.view.setBigInt64(at + 8, value >> 64n, true)
  builder.length += 1
}

/** The common case of 64 bits: at most 15 digits, which a JavaScript number holds exactly. */
function readShort(reader: JsonReader, builder: FixedBuilder): boolean {
  reader.next()
  const from = reader.at
  const negative = reader.peek() === 45
  let at = negative ? from + 1 : from
  const first = at
  let value = 0
  let digit = (reader.bytes[at] ?? 0) - 48
  while (digit >= 0 && digit <= 9 && at - first < 16) {
    value = value * 10 + digit
    at += 1
    digit = (reader.bytes[at] ?? 0) - 48
  }
  const stop = reader.bytes[at] ?? 0
  if (at === first || at - first > 15 || stop === 46 || (stop | 32) === 101) return false
  reader.at = at
  appendExact(builder, negative ? -value : value)
  return true
}

/** Any JSON number that stands for a whole one, so `1e3` and `2.0` too; null for others. */
function wholeNumber(reader: JsonReader, from: number): bigint | null {
  const number = written(reader.ascii(from, numberEnd(reader)))
  return number === null ? null : scaled(number, 0)
}

function numberStart(reader: JsonReader, expected: string): number {
  const first = reader.next()
  if (first !== 45 && (first < 48 || first > 57)) reader.failType(expected)
  return reader.at
}

/** Moves behind the number and answers where that is. */
function numberEnd(reader: JsonReader): number {
  let byte = reader.peek()
  while ((byte >= 48 && byte <= 57) || byte === 46 || byte === 45 || byte === 43 || (byte | 32) === 101) {
    reader.at += 1
    byte = reader.peek()
  }
  return reader.at
}

/** A string of numbers and dates: they need no escapes, so one with escapes is none ('' then). */
function plainText(reader: JsonReader): string {
  const from = reader.at + 1
  reader.skipString()
  const to = reader.at - 1
  if (to - from > 80) return ''
  const text = reader.ascii(from, to)
  return text.includes(String.fromCharCode(backslash)) ? '' : text
}

function failAt(reader: JsonReader, from: number, expected: string): never {
  reader.at = from
  return reader.failType(expected)
}
