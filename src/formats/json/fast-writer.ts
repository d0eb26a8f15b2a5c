/**
 * Fast writer: the JSON writer kernel set up for one schema. It owns the kernel's memory: the steps, the keys,
 * and for each call the columns of the batch and behind them the output. Columns of nested types, binary and
 * decimals are written by the plain writers first, one text a row, and take their place in the line here.
 */
import { type Batch, type Column } from '../../batch/index.js'
import {
  type JsonWriter,
  jsonWriter,
  pageBytes,
  writeKind,
  writeRoom,
  writeStep,
  writeStepBytes,
  writeStepsAt,
  writtenAt,
} from '../../kernels/index.js'
import { type DataType, type Schema, byteWidth } from '../../schema/index.js'
import { bitmapBytes } from '../columns/builder.js'
import { type Encoder, noHead } from '../contract.js'
import { Output } from './output.js'
import { unitDigits } from './scalars.js'
import { writer } from './writers.js'

function kindOf(type: DataType): number {
  switch (type.kind) {
    case 'list':
    case 'map':
    case 'struct':
    case 'binary':
    case 'decimal128':
      return writeKind.raw
    case 'duration':
      return writeKind.int64
    default:
      return writeKind[type.kind]
  }
}

export class FastWriter implements Encoder {
  readonly head = noHead
  private bytes: Uint8Array
  private view: DataView
  /** Columns begin here. */
  private readonly columnsAt: number
  private at = 0

  /** Null where WebAssembly SIMD is refused, and for a schema without columns. */
  static of(schema: Schema): FastWriter | null {
    const kernel = schema.fields.length === 0 ? null : jsonWriter(4)
    return kernel === null ? null : new FastWriter(schema, kernel)
  }

  private constructor(
    private readonly schema: Schema,
    private readonly kernel: JsonWriter,
  ) {
    this.bytes = new Uint8Array(kernel.memory.buffer)
    this.view = new DataView(kernel.memory.buffer)
    this.at = writeStepsAt + schema.fields.length * writeStepBytes
    for (const [i, { name, type }] of schema.fields.entries()) {
      const key = new TextEncoder().encode(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`)
      this.set(i, writeStep.kind, kindOf(type))
      this.set(i, writeStep.keyLength, key.length)
      this.set(i, writeStep.key, this.place(key))
      if (type.kind !== 'timestamp') continue
      const perSecond = 10n ** BigInt(unitDigits[type.unit])
      this.view.setBigInt64(writeStepsAt + i * writeStepBytes + writeStep.perSecond, perSecond, true)
      this.set(i, writeStep.digits, unitDigits[type.unit])
      this.set(i, writeStep.zoned, type.tz === null ? 0 : 1)
    }
    this.columnsAt = this.at
  }

  /** The lines of a batch, as a view that the next call ends. */
  encode(batch: Batch): Uint8Array {
    this.at = this.columnsAt
    for (const [i, column] of batch.columns.entries()) this.placeColumn(i, column)
    const from = this.at
    let to = from
    let row = 0
    while (row < batch.rows) {
      row = this.kernel.write(row, batch.rows, writeStepsAt, this.schema.fields.length, to, this.bytes.length)
      to = this.view.getUint32(writtenAt, true)
      if (row < batch.rows) this.grow(this.bytes.length + Math.max(this.bytes.length >> 1, pageBytes * 16))
    }
    return this.bytes.subarray(from, to)
  }

  private placeColumn(i: number, column: Column): void {
    const { type, length } = column
    const raw = kindOf(type) === writeKind.raw
    const bits = bitmapBytes(length)
    const nulls = column.validity !== null && column.nullCount > 0 && !raw ? column.validity : null
    this.set(i, writeStep.validity, nulls === null ? 0 : this.place(nulls.subarray(0, bits)))
    if (raw) return this.placeRaw(i, column)
    if (type.kind !== 'utf8') {
      const bytes = type.kind === 'bool' ? bits : length * byteWidth(type)
      this.set(i, writeStep.values, this.place(column.values.subarray(0, bytes)))
    } else if (column.offsets !== null) this.placeText(i, column.values, column.offsets.subarray(0, length + 1))
  }

  private placeText(i: number, values: Uint8Array, offsets: Int32Array): void {
    const end = offsets[offsets.length - 1] ?? 0
    this.set(i, writeStep.values, this.place(values.subarray(0, end)))
    this.set(i, writeStep.offsets, this.place(new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength)))
  }

  private placeRaw(i: number, column: Column): void {
    const out = new Output()
    const write = writer(column, out)
    const offsets = new Int32Array(column.length + 1)
    for (let row = 0; row < column.length; row++) {
      write(row)
      offsets[row + 1] = out.length
    }
    this.placeText(i, out.bytes, offsets)
  }

  /** Copies bytes behind what is there, with room to read beyond them. */
  private place(bytes: Uint8Array): number {
    const from = this.at
    this.at = (from + bytes.length + writeRoom + 15) & -16
    if (this.at > this.bytes.length) this.grow(this.at * 2)
    this.bytes.set(bytes, from)
    return from
  }

  private grow(length: number): void {
    this.kernel.memory.grow(Math.ceil((length - this.bytes.length) / pageBytes))
    this.bytes = new Uint8Array(this.kernel.memory.buffer)
    this.view = new DataView(this.kernel.memory.buffer)
  }

  private set(i: number, part: number, value: number): void {
    this.view.setUint32(writeStepsAt + i * writeStepBytes + part, value, true)
  }
}
