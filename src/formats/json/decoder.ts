/**
 * JSON lines to batches: one object a line, its keys are the columns.
 *
 * A line that is not an object of the schema becomes a dead line that says why; the rows around it go on.
 * Missing keys are null (or the field's default), unknown keys are passed over.
 */
import { type Batch } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type DeadLine, type Decoded, type LineDecoder } from '../contract.js'
import { HeapRegion, LineBuffer, deadText, lineBytesMax, tooLong } from '../line-buffer.js'
import { RowLines } from '../row-lines.js'
import { Arena } from './builder.js'
import { JsonReader, LineFault } from './reader.js'
import { ObjectReader } from './values.js'

export function jsonDecoder(schema: Schema): LineDecoder {
  return new JsonLineDecoder(schema)
}

class JsonLineDecoder implements LineDecoder {
  private readonly lines = new LineBuffer(new HeapRegion())
  private readonly reader = new JsonReader()
  private rows: ObjectReader
  private count = 0

  constructor(private readonly schema: Schema) {
    this.rows = new ObjectReader(schema.fields)
  }

  get pendingBytes(): number {
    return this.lines.pendingBytes
  }

  space(bytes: number): Uint8Array {
    return this.lines.space(bytes)
  }

  filled(bytes: number): void {
    this.lines.filled(bytes)
  }

  finish(): void {
    this.lines.finish()
  }

  next(rowsMax: number): Decoded | null {
    const { lines } = this
    const dead: DeadLine[] = []
    const numbers = new RowLines()
    while (this.count + dead.length < rowsMax) {
      const overlong = lines.takeOverlong()
      if (overlong !== null) dead.push(overlong)
      else if (lines.start < lines.limit) this.line(numbers, dead)
      else break
    }
    if (this.count === 0 && dead.length === 0) return null
    const batch = this.finishBatch()
    return { batch, firstLine: numbers.first(lines.line), lines: numbers.numbers(batch.rows), dead }
  }

  private line(numbers: RowLines, dead: DeadLine[]): void {
    const { lines } = this
    const { start, line } = lines
    const end = lines.lineEnd()
    lines.advance(end + 1, 1)
    if (end - start > lineBytesMax) {
      dead.push(tooLong(line, deadText(lines.bytes, start, end), end - start))
      return
    }
    try {
      if (!this.row(start, end)) return
      numbers.add(this.count, line, 1)
      this.count += 1
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault
      for (const builder of this.rows.builders) builder.truncate(this.count)
      dead.push({ line, text: deadText(lines.bytes, start, end), code: 'ANB2003', message: fault.message })
    }
  }

  /** Appends the line's row; false where the line is empty. */
  private row(start: number, end: number): boolean {
    const { reader } = this
    reader.open(this.lines.bytes, start, end)
    const first = reader.next()
    if (reader.at === end) return false
    if (first !== 123) reader.failType('a JSON object')
    this.rows.read(reader)
    reader.next()
    if (reader.at !== end) reader.fail('the end of the line')
    return true
  }

  private finishBatch(): Batch {
    const { builders } = this.rows
    const arena = new Arena(builders.reduce((sum, builder) => sum + builder.bytes(), 0))
    const columns = builders.map(builder => builder.finish(arena))
    const batch = { schema: this.schema, rows: this.count, columns }
    this.rows = new ObjectReader(this.schema.fields)
    this.count = 0
    return batch
  }
}
