/**
 * CSV to batches, record by record, straight from bytes to columns.
 *
 * It is decoded here and not by pyarrow, which is some times as quick but refuses a whole block for one value that is
 * no number, and does not say in which line; dead letters need the line, and the good rows around it.
 *
 * A quote that is never closed would swallow the rest of a file: where the end comes, or 64 MiB, only its line is dead
 * and reading goes on with the next one.
 */
import { type Column } from '../../batch/index.js'
import { ConnectorError } from '../../base/index.js'
import { type CsvDialect } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { builtBytes, finishColumns } from '../columns/builder.js'
import { runBytesMax } from '../columns/scratch.js'
import { type DeadRecord, type Decoded, type Mark, type MarkedDecoder, noMisfits } from '../contract.js'
import { HeapRegion, LineBuffer, deadText, lineBytesMax } from '../line-buffer.js'
import { LineFault, keptBytesMax } from '../line-decoder.js'
import { RowLines } from '../row-lines.js'
import { type Header, headerOf, placesOf } from './header.js'
import { Records } from './records.js'
import { CsvRows } from './rows.js'

const [newline, carriageReturn] = [10, 13]

/** Decodes CSV by a schema of flat columns. */
export const csvDecoder = (schema: Schema, dialect: CsvDialect): MarkedDecoder => new CsvDecoder(schema, dialect)

class CsvDecoder implements MarkedDecoder {
  private readonly buffer = new LineBuffer(new HeapRegion())
  private readonly records: Records
  private header: Header | null
  private rows: CsvRows | null = null
  /** The open quote at `buffer.start` was looked for up to here in vain; looking again waits for twice as much. */
  private openUpTo = 0

  constructor(
    private readonly schema: Schema,
    private readonly dialect: CsvDialect,
  ) {
    this.records = new Records(dialect.delimiter.charCodeAt(0), dialect.quote.charCodeAt(0))
    this.header = dialect.header ? null : { places: placesOf(schema), width: schema.fields.length, misfits: noMisfits }
  }

  get pendingBytes(): number {
    return this.buffer.pendingBytes
  }

  get misfits(): readonly string[] | null {
    this.readHeader()
    return this.header?.misfits ?? (this.buffer.finished ? noMisfits : null)
  }

  space(bytes: number): Uint8Array {
    const before = this.buffer.start
    const space = this.buffer.space(bytes)
    this.openUpTo -= before - this.buffer.start
    return space
  }

  filled(bytes: number): void {
    this.buffer.filled(bytes)
  }

  finish(): void {
    this.buffer.finish()
  }

  mark(): Mark {
    return this.buffer.mark
  }

  resume(mark: Mark): void {
    this.buffer.resume(mark)
    this.openUpTo = 0
  }

  next(rowsMax: number): Decoded | null {
    this.readHeader()
    const rows = this.rowsReader()
    if (rows === null) return null
    const { buffer } = this
    const dead: DeadRecord[] = []
    const numbers = new RowLines()
    const from = buffer.start
    let count = 0
    while (count + dead.length < rowsMax && buffer.start - from < runBytesMax) {
      const overlong = buffer.takeOverlong()
      if (overlong !== null) {
        dead.push(overlong)
        continue
      }
      const { start, line } = buffer
      const end = this.nextRecord()
      if (end < 0) break
      if (this.isEmpty(start, end)) continue
      const fault = this.append(rows, count)
      if (fault !== null) {
        dead.push({ position: line, text: deadText(buffer.bytes, start, end - 1), code: 'ANB2003', message: fault })
        continue
      }
      numbers.add(count, line, 1)
      count += 1
    }
    if (count === 0 && dead.length === 0) return null
    const batch = { schema: this.schema, rows: count, columns: this.finishColumns(rows) }
    return { batch, firstPosition: numbers.first(buffer.line), positions: numbers.numbers(count), dead }
  }

  private readHeader(): void {
    if (this.header !== null) return
    const { buffer } = this
    for (let start = buffer.start, end = this.nextRecord(); end >= 0; start = buffer.start, end = this.nextRecord()) {
      if (end - start <= 2 && this.isBlank(start)) continue
      this.header = headerOf(this.schema, buffer.bytes, this.records, this.dialect)
      return
    }
  }

  private rowsReader(): CsvRows | null {
    if (this.header === null) return null
    const [misfit] = this.header.misfits
    if (misfit !== undefined) throw new ConnectorError('ANB4002', `has another header: ${misfit}`)
    this.rows ??= new CsvRows(this.schema, this.dialect, this.header.places, this.header.width)
    return this.rows
  }

  /** Walks over one record and answers its end; -1 where no whole one is left. */
  private nextRecord(): number {
    const { buffer, records } = this
    const { start, limit } = buffer
    if (start >= limit || (!buffer.finished && start + 2 * (this.openUpTo - start) > limit)) return -1
    const end = records.next(buffer.bytes, start, limit)
    if (end < 0 && !this.staysOpen()) {
      this.openUpTo = limit
      return -1
    }
    this.openUpTo = 0
    if (end >= 0) {
      buffer.advance(end, records.lines)
      return end
    }
    records.fault = 'expected a closing quote, got the end of the file'
    const lineEnd = buffer.lineEnd() + 1
    buffer.advance(lineEnd, 1)
    return lineEnd
  }

  /** No closing quote comes any more, or too late. */
  private staysOpen(): boolean {
    const { buffer } = this
    return buffer.finished || buffer.limit - buffer.start > lineBytesMax || buffer.isCut
  }

  private append(rows: CsvRows, count: number): string | null {
    if (this.records.fault !== null) return this.records.fault
    try {
      rows.append(this.buffer.bytes, this.records)
      return null
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault
      for (const builder of rows.builders) builder.truncate(count)
      return fault.message
    }
  }

  /** An empty line, where that cannot be a null. */
  private isEmpty(start: number, end: number): boolean {
    return end - start <= 2 && this.header?.width !== 1 && this.isBlank(start)
  }

  private isBlank(start: number): boolean {
    const { bytes } = this.buffer
    return bytes[start] === newline || (bytes[start] === carriageReturn && bytes[start + 1] === newline)
  }

  private finishColumns(rows: CsvRows): readonly Column[] {
    const columns = finishColumns(rows.builders)
    if (builtBytes(rows.builders) > keptBytesMax) this.rows = null
    else for (const builder of rows.builders) builder.truncate(0)
    return columns
  }
}
