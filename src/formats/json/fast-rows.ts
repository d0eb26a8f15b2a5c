/**
 * Fast rows: the JSON scanner set up for one schema. It owns the scanner's memory: the steps, the columns that
 * a run of rows is scanned into, and behind them the input itself. Columns leave it as copies only.
 */
import { type Column } from '../../batch/index.js'
import {
  type JsonScanner, jsonScanner, nullable, nullsAt, pageBytes, position, spelling, step, stepBytes, stepKind, stepsAt,
  styleAt,
} from '../../kernels/index.js'
import { type DataType, type Field, type Schema, byteWidth } from '../../schema/index.js'
import { type InputRegion, padding } from '../line-buffer.js'
import { bitmapBytes } from './builder.js'

/** Rows of one run. */
const rowsMax = 65_536
/** Bytes of input of one run, and so of each text column; more rows go into the next batch. */
export const runBytesMax = 4 * 1024 * 1024

interface Place {
  readonly type: DataType
  readonly validity: number
  readonly values: number
  readonly offsets: number
}

function kindOf(type: DataType): number | null {
  switch (type.kind) {
    case 'list':
    case 'map':
    case 'struct':
    case 'binary':
    case 'decimal128':
      return null
    case 'timestamp':
    case 'duration':
      return stepKind.int64
    case 'date32':
      return stepKind.int32
    default:
      return stepKind[type.kind]
  }
}

export class FastRows {
  readonly region: InputRegion
  /** After `scan`: the byte of the region before which it stopped. */
  stopped = 0
  private readonly scanner: JsonScanner
  private readonly places: readonly Place[]
  private readonly inputAt: number
  private view: DataView
  private spaced = 0
  private sawNulls = false

  /** Null where a column has a type that only the slow way reads. `plain` asks for the kernel's twin. */
  static of(schema: Schema, plain: boolean): FastRows | null {
    const flat = schema.fields.length > 0 && schema.fields.every(field => kindOf(field.type) !== null)
    return flat ? new FastRows(schema, plain) : null
  }

  private constructor(schema: Schema, plain: boolean) {
    const room = new Room(stepsAt + schema.fields.length * stepBytes)
    const texts = schema.fields.map((field, i) => spellings(field.name, i === 0))
    const textAt = texts.map(pair => pair.map(text => room.take(text.length + 16)))
    this.places = schema.fields.map(field => placeOf(field.type, room))
    this.inputAt = room.take(0)
    this.scanner = jsonScanner(Math.ceil((this.inputAt + pageBytes) / pageBytes), plain)
    this.view = new DataView(this.scanner.memory.buffer)
    for (const [i, field] of schema.fields.entries()) {
      this.writeStep(stepsAt + i * stepBytes, field, i)
      for (const style of [0, 1]) {
        this.writeSpelling(stepsAt + i * stepBytes, style, texts[i]?.[style] ?? new Uint8Array(0), textAt[i]?.[style] ?? 0)
      }
    }
    this.region = new ScannerRegion(this.scanner, this.inputAt)
  }

  /** Rows scanned, at most `limit`, from the lines between `from` and `to`; `stopped` says where it ended. */
  scan(from: number, to: number, limit: number): number {
    this.refresh()
    this.view.setUint32(nullsAt, 0, true)
    const rows = this.scanner.scan(
      this.inputAt + from, this.inputAt + to, 0, Math.min(limit, rowsMax), stepsAt, this.places.length, this.spaced,
    )
    this.stopped = this.view.getUint32(position, true) - this.inputAt
    this.spaced = this.view.getUint32(styleAt, true)
    this.sawNulls = this.view.getUint32(nullsAt, true) !== 0
    return rows
  }

  /** The columns of the last run, as views that the next call of anything ends. */
  columns(rows: number): readonly Column[] {
    this.refresh()
    return this.places.map(place => this.column(place, rows))
  }

  private column({ type, validity, values, offsets }: Place, rows: number): Column {
    const { buffer } = this.view
    const bits = new Uint8Array(buffer, validity, bitmapBytes(rows))
    const nullCount = this.sawNulls ? zeros(bits, rows) : 0
    const text = type.kind === 'utf8'
    const ends = text ? new Int32Array(buffer, offsets, rows + 1) : null
    const bytes = ends !== null ? (ends[rows] ?? 0) : type.kind === 'bool' ? bitmapBytes(rows) : rows * byteWidth(type)
    return {
      type,
      length: rows,
      nullCount,
      validity: nullCount > 0 ? bits : null,
      offsets: ends,
      values: new Uint8Array(buffer, values, bytes),
      children: [],
    }
  }

  private writeStep(at: number, field: Field, i: number): void {
    const place = this.places[i]
    if (place === undefined) return
    this.view.setInt32(at + step.kind, kindOf(field.type) ?? 0, true)
    this.view.setUint32(at + step.values, place.values, true)
    this.view.setUint32(at + step.offsets, place.offsets, true)
    this.view.setUint32(at + step.validity, place.validity, true)
    const plainNull = field.required !== true && (field.default === undefined || field.default === null)
    this.view.setUint32(at + step.flags, plainNull ? nullable : 0, true)
  }

  private writeSpelling(stepAt: number, style: number, text: Uint8Array, textAt: number): void {
    const at = stepAt + step.spelling + style * spelling.bytes
    this.view.setUint32(at + spelling.mask, (1 << Math.min(text.length, 16)) - 1, true)
    this.view.setUint32(at + spelling.length, text.length, true)
    this.view.setUint32(at + spelling.text, textAt, true)
    const memory = new Uint8Array(this.view.buffer)
    memory.set(text.subarray(0, 16), at + spelling.head)
    memory.set(text, textAt)
  }

  /** The memory may have grown with the input. */
  private refresh(): void {
    const { buffer } = this.scanner.memory
    if (this.view.buffer !== buffer) this.view = new DataView(buffer)
  }
}

/** Hands out memory in order, in parts that begin at multiples of 64. */
class Room {
  constructor(private at: number) {}

  take(bytes: number): number {
    const from = this.at
    this.at = (from + bytes + 63) & -64
    return from
  }
}

function placeOf(type: DataType, room: Room): Place {
  const bits = rowsMax / 8
  const text = type.kind === 'utf8'
  const bytes = text ? runBytesMax + padding : type.kind === 'bool' ? bits : rowsMax * byteWidth(type)
  return { type, validity: room.take(bits), values: room.take(bytes), offsets: text ? room.take((rowsMax + 1) * 4) : 0 }
}

/** How a key stands in a line, without and with the spaces that Python writes. */
function spellings(name: string, first: boolean): readonly Uint8Array[] {
  const key = JSON.stringify(name)
  const texts = [`${first ? '{' : ','}${key}:`, `${first ? '{' : ', '}${key}: `]
  return texts.map(text => new TextEncoder().encode(text))
}

/** Bits among the first `rows` that are 0. */
function zeros(bits: Uint8Array, rows: number): number {
  let count = 0
  for (let i = 0; i < rows; i++) count += (((bits[i >> 3] ?? 0) >> (i & 7)) & 1) ^ 1
  return count
}

class ScannerRegion implements InputRegion {
  bytes: Uint8Array

  constructor(
    private readonly scanner: JsonScanner,
    private readonly from: number,
  ) {
    this.bytes = new Uint8Array(scanner.memory.buffer, from)
  }

  grow(length: number): void {
    if (length <= this.bytes.length) return
    const wanted = Math.max(length, this.bytes.length * 2)
    this.scanner.memory.grow(Math.ceil((wanted - this.bytes.length) / pageBytes))
    this.bytes = new Uint8Array(this.scanner.memory.buffer, this.from)
  }
}
