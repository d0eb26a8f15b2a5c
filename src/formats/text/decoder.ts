/** Plain text lines to batches: one utf8 column `line`. A line that is not UTF-8 is a dead line. */
import { type Column, type Memory } from '../../batch/index.js'
import { type TextScanner, pageBytes, textFreeAt, textPosition, textScanner, utf8Fault } from '../../kernels/index.js'
import { type Schema } from '../../schema/index.js'
import { BytesBuilder } from '../columns/nested-builder.js'
import { KernelRegion, type Place, Room, columnAt, placeOf, runRowsMax } from '../columns/scratch.js'
import { type MarkedDecoder } from '../contract.js'
import { type InputRegion } from '../line-buffer.js'
import { LineFault, type LineReader, type RunScanner, lineDecoder } from '../line-decoder.js'

const text = { kind: 'utf8' } as const
const carriageReturn = 13

const textSchema: Schema = { fields: [{ name: 'line', type: text, required: true }] }

export interface TextDecoderOptions {
  /** The kernel's plain twin is asked for; tests compare. Default 'wasm'. */
  readonly kernel?: 'wasm' | 'plain'
  /** Where batches are made. */
  readonly memory?: Memory
}

/** Decodes lines as they are; an empty line is none. */
export function textDecoder(options: TextDecoderOptions = {}): MarkedDecoder {
  const scanner = new FastText(options.kernel === 'plain')
  const { region } = scanner
  return lineDecoder({ schema: textSchema, region, scanner, reader: () => new TextLines(), memory: options.memory })
}

class FastText implements RunScanner {
  readonly region: InputRegion
  stopped = 0
  private readonly scanner: TextScanner
  private readonly place: Place
  private readonly inputAt: number

  constructor(plain: boolean) {
    const room = new Room(textFreeAt)
    this.place = placeOf(text, room)
    this.inputAt = room.take(0)
    this.scanner = textScanner(Math.ceil((this.inputAt + pageBytes) / pageBytes), plain)
    this.region = new KernelRegion(this.scanner.memory, this.inputAt)
  }

  scan(from: number, to: number, limit: number): number {
    const { inputAt, place, scanner } = this
    const rowsMax = Math.min(limit, runRowsMax)
    const rows = scanner.scan(inputAt + from, inputAt + to, rowsMax, place.values, place.offsets)
    this.stopped = new DataView(scanner.memory.buffer).getUint32(textPosition, true) - inputAt
    return rows
  }

  columns(rows: number): readonly Column[] {
    return [columnAt(this.scanner.memory.buffer, this.place, rows, false)]
  }
}

class TextLines implements LineReader {
  private readonly column = new BytesBuilder(text)
  readonly builders = [this.column]

  line(bytes: Uint8Array, from: number, newline: number): boolean {
    const end = newline > from && bytes[newline - 1] === carriageReturn ? newline - 1 : newline
    if (end === from) return false
    const fault = utf8Fault(bytes, from, end)
    if (fault >= 0) {
      const byte = (bytes[fault] ?? 0).toString(16)
      throw new LineFault(`expected UTF-8, got byte 0x${byte} at byte ${fault - from + 1}`)
    }
    this.column.append(bytes, from, end)
    this.column.close()
    return true
  }
}
