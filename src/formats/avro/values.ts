/**
 * Values of Avro into columns: for each pair of a written and a declared type, how one value is read. A pair is
 * accepted where every value, or every value that fits its column's range, stays what it is; a value that does not fit
 * makes its row dead, and its bytes are walked over all the same.
 */
import { utf8Fault } from '../../kernels/index.js'
import { type DataType, formatType } from '../../schema/index.js'
import { BitBuilder, type ColumnBuilder, FixedBuilder } from '../columns/builder.js'
import { BytesBuilder } from '../columns/nested-builder.js'
import { appendDecimal, appendExact, appendSmall, appendWhole, unitDigits, wholeOf } from '../json/scalars.js'
import { type Cursor } from './cursor.js'
import { type AvroType, type Logical } from './types.js'

/** Reads one value into a column, which is then one longer, or notes in the cursor why it does not fit. */
export interface ValueReader {
  readonly builder: ColumnBuilder
  readonly read: (cursor: Cursor) => void
}

/** The reader of a type without others inside; null where the written type cannot become the declared one. */
export function scalarReader(written: AvroType, type: DataType): ValueReader | null {
  switch (type.kind) {
    case 'bool':
      return written.kind === 'boolean' ? boolReader(type) : null
    case 'float32':
    case 'float64':
      return floatReader(written, type)
    case 'utf8':
    case 'binary':
      return bytesReader(written, type)
    case 'decimal128':
      return decimalReader(written, type)
    case 'list':
    case 'map':
    case 'struct':
      return null
    default:
      return wholeReader(written, type)
  }
}

/** The value at the cursor does not fit; the column gets a place for it, which goes with its row. */
function unfit(cursor: Cursor, builder: ColumnBuilder, got: string): void {
  cursor.fault ??= `expected ${formatType(builder.type)}, got ${got}`
  builder.appendNull()
}

function boolReader(type: DataType): ValueReader {
  const builder = new BitBuilder(type)
  return { builder, read: cursor => builder.append(cursor.bytes[cursor.take(1)] !== 0) }
}

function floatReader(written: AvroType, type: DataType): ValueReader | null {
  const builder = new FixedBuilder(type)
  const isSingle = type.kind === 'float32'
  const toNumber = floatValue(written, isSingle)
  if (toNumber === null) return null
  const read = (cursor: Cursor): void => {
    const value = toNumber(cursor)
    const at = builder.slot()
    if (isSingle) builder.view.setFloat32(at, value, true)
    else builder.view.setFloat64(at, value, true)
    builder.length += 1
  }
  return { builder, read }
}

/** Only what no rounding changes. */
function floatValue(written: AvroType, isSingle: boolean): ((cursor: Cursor) => number) | null {
  if (written.kind === 'float') return cursor => cursor.float()
  if (isSingle) return null
  if (written.kind === 'double') return cursor => cursor.double()
  return written.kind === 'int' && written.logical === null ? cursor => cursor.size() : null
}

function bytesReader(written: AvroType, type: DataType): ValueReader | null {
  const builder = new BytesBuilder(type)
  const isText = type.kind === 'utf8'
  if (written.kind === 'enum') {
    const symbols = written.symbols.map(symbol => new TextEncoder().encode(symbol))
    return isText ? { builder, read: cursor => symbolOf(cursor, builder, symbols) } : null
  }
  const lengthOf = bytesLength(written)
  if (lengthOf === null || (isText && written.kind === 'fixed')) return null
  const read = (cursor: Cursor): void => {
    const length = lengthOf(cursor)
    const from = cursor.at - length
    if (isText && utf8Fault(cursor.bytes, from, cursor.at) >= 0)
      return unfit(cursor, builder, 'bytes that are not UTF-8')
    builder.append(cursor.bytes, from, cursor.at)
    builder.close()
  }
  return { builder, read }
}

function bytesLength(written: AvroType): ((cursor: Cursor) => number) | null {
  if (written.kind === 'string' || written.kind === 'bytes') return cursor => cursor.sized()
  if (written.kind !== 'fixed') return null
  const { size } = written
  return cursor => {
    cursor.take(size)
    return size
  }
}

function symbolOf(cursor: Cursor, builder: BytesBuilder, symbols: readonly Uint8Array[]): void {
  const index = cursor.size()
  const symbol = symbols[index]
  if (symbol === undefined) return unfit(cursor, builder, `symbol ${index} of ${symbols.length}`)
  builder.append(symbol, 0, symbol.length)
  builder.close()
}

/** Two's complement, the highest byte first. */
function unscaled(cursor: Cursor, length: number): bigint {
  let value = 0n
  for (let at = cursor.at - length; at < cursor.at; at++) value = (value << 8n) | BigInt(cursor.bytes[at] ?? 0)
  return BigInt.asIntN(8 * length, value)
}

/** Bytes of a number that could be in a decimal of 38 digits or an integer. */
const numberBytesMax = 32

function decimalReader(written: AvroType, type: DataType & { readonly kind: 'decimal128' }): ValueReader | null {
  const numberOf = decimalNumber(written, type.scale)
  if (numberOf === null) return null
  const builder = new FixedBuilder(type)
  const limit = 10n ** BigInt(type.precision)
  const read = (cursor: Cursor): void => {
    const value = numberOf(cursor)
    if (value === null || value >= limit || value <= -limit) return unfit(cursor, builder, 'a number of more digits')
    appendDecimal(builder, value)
  }
  return { builder, read }
}

/** Reads a written decimal as a whole number at another scale, which is not smaller. */
function decimalNumber(written: AvroType, scale: number): ((cursor: Cursor) => bigint | null) | null {
  const lengthOf = bytesLength(written)
  const logical = written.kind === 'bytes' || written.kind === 'fixed' ? written.logical : null
  if (lengthOf === null || logical?.name !== 'decimal' || logical.scale > scale) return null
  const factor = 10n ** BigInt(scale - logical.scale)
  return cursor => {
    const length = lengthOf(cursor)
    return length > numberBytesMax ? null : unscaled(cursor, length) * factor
  }
}

function wholeReader(written: AvroType, type: DataType): ValueReader | null {
  const builder = new FixedBuilder(type)
  const whole = wholeOf(type)
  const factor = factorOf(written, type)
  const decimal = type.kind.includes('int') ? decimalNumber(written, 0) : null
  if (factor === null && decimal === null) return null
  const isSigned64 = whole.bytes === 8 && whole.min < 0n
  const isSmall = whole.bytes < 8
  const [min, max, scale] = [Number(whole.min), Number(whole.max), Number(factor)]
  const read = (cursor: Cursor): void => {
    const raw = decimal === null ? cursor.short() : Number.NaN
    const short = raw * scale
    if (isSmall && short >= min && short <= max) return appendSmall(builder, whole.bytes, short)
    if (isSigned64 && Number.isSafeInteger(short)) return appendExact(builder, short)
    const value = decimal === null ? longValue(cursor, raw, factor ?? 1n) : decimal(cursor)
    if (value === null || value < whole.min || value > whole.max) return unfit(cursor, builder, String(value))
    appendWhole(builder, whole.bytes, value)
  }
  return { builder, read }
}

/** `raw` was read in short form, unless it was too long for that. */
const longValue = (cursor: Cursor, raw: number, factor: bigint): bigint =>
  (Number.isNaN(raw) ? cursor.long() : BigInt(raw)) * factor

/** What a written int or long is multiplied with; null where it means something else. */
function factorOf(written: AvroType, type: DataType): bigint | null {
  if (written.kind !== 'int' && written.kind !== 'long') return null
  const { logical } = written
  if (type.kind === 'date32') return logical === null || logical.name === 'date' ? 1n : null
  if (type.kind !== 'timestamp') return 1n
  return logical === null ? 1n : timeFactor(logical, type)
}

const writtenDigits = new Map([
  ['millis', 3],
  ['micros', 6],
  ['nanos', 9],
])

function timeFactor(logical: Logical, type: DataType & { readonly kind: 'timestamp' }): bigint | null {
  const [, local, unit = ''] = /^(local-)?timestamp-(\w+)$/.exec(logical.name) ?? []
  const from = writtenDigits.get(unit)
  const to = unitDigits[type.unit]
  return from === undefined || from > to || (local === undefined) !== (type.tz !== null)
    ? null
    : 10n ** BigInt(to - from)
}
