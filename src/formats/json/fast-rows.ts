/**
 * Fast rows: the JSON scanner set up for one schema. It owns the scanner's memory: the steps, the columns that
 * a run of rows is scanned into, and behind them the input itself.
 */
import { type Column } from '../../batch/index.js'
import {
  type JsonScanner,
  jsonScanner,
  nullable,
  nullsAt,
  pageBytes,
  position,
  spelling,
  step,
  stepBytes,
  stepKind,
  stepsAt,
  styleAt,
} from '../../kernels/index.js'
import { type DataType, type Field, type Schema } from '../../schema/index.js'
import { KernelRegion, type Place, Room, columnAt, placeOf, runRowsMax } from '../columns/scratch.js'
import { type InputRegion } from '../line-buffer.js'
import { type RunScanner } from '../line-decoder.js'
import { unitDigits } from './scalars.js'

function kindOf(type: DataType): number | null {
  switch (type.kind) {
    case 'list':
    case 'map':
    case 'struct':
    case 'binary':
    case 'decimal128':
      return null
    case 'duration':
      return stepKind.int64
    default:
      return stepKind[type.kind]
  }
}

export class FastRows implements RunScanner {
  readonly region: InputRegion
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
        this.writeSpelling(
          stepsAt + i * stepBytes,
          style,
          texts[i]?.[style] ?? new Uint8Array(0),
          textAt[i]?.[style] ?? 0,
        )
      }
    }
    this.region = new KernelRegion(this.scanner.memory, this.inputAt)
  }

  scan(from: number, to: number, limit: number): number {
    this.refresh()
    this.view.setUint32(nullsAt, 0, true)
    const rows = this.scanner.scan(
      this.inputAt + from,
      this.inputAt + to,
      0,
      Math.min(limit, runRowsMax),
      stepsAt,
      this.places.length,
      this.spaced,
    )
    this.stopped = this.view.getUint32(position, true) - this.inputAt
    this.spaced = this.view.getUint32(styleAt, true)
    this.sawNulls = this.view.getUint32(nullsAt, true) !== 0
    return rows
  }

  columns(rows: number): readonly Column[] {
    return this.places.map(place => columnAt(this.scanner.memory.buffer, place, rows, this.sawNulls))
  }

  private writeStep(at: number, field: Field, i: number): void {
    const place = this.places[i]
    if (place === undefined) return
    this.view.setInt32(at + step.kind, kindOf(field.type) ?? 0, true)
    this.view.setUint32(at + step.values, place.values, true)
    this.view.setUint32(at + step.offsets, place.offsets, true)
    this.view.setUint32(at + step.validity, place.validity, true)
    this.view.setUint32(at + step.digits, field.type.kind === 'timestamp' ? unitDigits[field.type.unit] : 0, true)
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

/** How a key stands in a line, without and with the spaces that Python writes. */
function spellings(name: string, first: boolean): readonly Uint8Array[] {
  const key = JSON.stringify(name)
  const texts = [`${first ? '{' : ','}${key}:`, `${first ? '{' : ', '}${key}: `]
  return texts.map(text => new TextEncoder().encode(text))
}
