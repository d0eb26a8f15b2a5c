/**
 * JSON lines to batches: one object a line, its keys are the columns.
 *
 * A line that is not an object of the schema becomes a dead line that says why; the rows around it go on.
 * Missing keys are null (or the field's default), unknown keys are passed over.
 *
 * Rows that look as expected are scanned in runs by the kernel (`FastRows`). Where it stops, one line goes the
 * slow way (`ObjectReader`), which reads anything, and the scan goes on behind it. A batch of one run is
 * copied from the kernel's memory as it is; runs and slow rows meet in the builders.
 */
import { type Batch, type Column } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type DeadLine, type Decoded, type LineDecoder } from '../contract.js'
import { HeapRegion, LineBuffer, deadText, lineBytesMax, tooLong } from '../line-buffer.js'
import { RowLines } from '../row-lines.js'
import { Arena } from './builder.js'
import { FastRows, runBytesMax } from './fast-rows.js'
import { JsonReader, LineFault } from './reader.js'
import { ObjectReader } from './values.js'

const newline = 10
/** Builders that grew beyond this are let go with their batch. Bytes. */
const keptBytesMax = 4 * runBytesMax

export interface JsonDecoderOptions {
  /** The kernel's plain twin is asked for, or no kernel at all; tests compare the three. Default 'wasm'. */
  readonly kernel?: 'wasm' | 'plain' | 'none'
}

/** Decodes JSON lines by a schema. */
export function jsonDecoder(schema: Schema, options: JsonDecoderOptions = {}): LineDecoder {
  const kernel = options.kernel ?? 'wasm'
  return new JsonLineDecoder(schema, kernel === 'none' ? null : FastRows.of(schema, kernel === 'plain'))
}

class JsonLineDecoder implements LineDecoder {
  private readonly lines: LineBuffer
  private readonly reader = new JsonReader()
  private rows: ObjectReader
  private count = 0
  /** A run that lies in the kernel's memory still; nothing else is in the batch then. */
  private held: readonly Column[] | null = null

  constructor(
    private readonly schema: Schema,
    private readonly fast: FastRows | null,
  ) {
    this.lines = new LineBuffer(fast?.region ?? new HeapRegion())
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
    const from = lines.start
    while (this.count + dead.length < rowsMax && lines.start - from < runBytesMax) {
      const overlong = lines.takeOverlong()
      if (overlong !== null) dead.push(overlong)
      else if (lines.start >= lines.limit) break
      else if (!this.run(numbers, rowsMax - this.count - dead.length)) this.line(numbers, dead)
    }
    if (this.count === 0 && dead.length === 0) return null
    const batch = this.finishBatch()
    return { batch, firstLine: numbers.first(lines.line), lines: numbers.numbers(batch.rows), dead }
  }

  /** Scans a run of rows; false where a line waits that has to go the slow way. */
  private run(numbers: RowLines, limit: number): boolean {
    const { fast, lines } = this
    if (fast === null) return false
    const to = this.runEnd()
    if (to === lines.start) return false
    this.flush()
    const rows = fast.scan(lines.start, to, limit)
    if (rows > 0) {
      numbers.add(this.count, lines.line, rows)
      lines.advance(fast.stopped, rows)
      this.held = fast.columns(rows)
      if (this.count > 0) this.flush()
      this.count += rows
    }
    return fast.stopped === to || rows === limit
  }

  /** Whole lines of at most `runBytesMax` bytes; none where the next one is longer. */
  private runEnd(): number {
    const { bytes, limit, start } = this.lines
    if (limit - start <= runBytesMax) return limit
    return start + bytes.subarray(start, start + runBytesMax).lastIndexOf(newline) + 1
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
    this.flush()
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

  /** The held run goes to the builders, because it does not stay alone. */
  private flush(): void {
    if (this.held === null) return
    for (const [i, column] of this.held.entries()) this.rows.builders[i]?.appendRun(column)
    this.held = null
  }

  private finishBatch(): Batch {
    const columns = this.held !== null ? copyColumns(this.held) : this.builtColumns()
    const batch = { schema: this.schema, rows: this.count, columns }
    this.held = null
    this.count = 0
    return batch
  }

  private builtColumns(): readonly Column[] {
    const { builders } = this.rows
    const bytes = builders.reduce((sum, builder) => sum + builder.bytes(), 0)
    const arena = new Arena(bytes)
    const columns = builders.map(builder => builder.finish(arena))
    if (bytes > keptBytesMax) this.rows = new ObjectReader(this.schema.fields)
    else for (const builder of builders) builder.truncate(0)
    return columns
  }
}

/** Flat columns in one fresh buffer. */
function copyColumns(columns: readonly Column[]): readonly Column[] {
  const sizes = columns.map(column => column.values.length + (column.offsets?.byteLength ?? 0) + (column.validity?.length ?? 0))
  const arena = new Arena(sizes.reduce((sum, size) => sum + size + 3 * 64, 0))
  return columns.map(column => arena.column(column))
}
