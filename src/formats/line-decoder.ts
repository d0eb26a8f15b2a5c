/**
 * Line decoder: what JSON lines and text lines have in common.
 *
 * Rows that look as expected are scanned in runs by a kernel. Where it stops, one line goes the slow way, which
 * reads anything or says why not, and the scan goes on behind it. A batch of one run is copied from the
 * kernel's memory as it is; runs and slow rows meet in the builders.
 */
import { type Batch, type Column, type Loan, type Memory } from '../batch/index.js'
import { type Schema } from '../schema/index.js'
import { Arena, type ColumnBuilder, builtBytes, finishColumns } from './columns/builder.js'
import { runBytesMax } from './columns/scratch.js'
import { type DeadRecord, type Decoded, type Mark, type MarkedDecoder, noMisfits } from './contract.js'
import { type InputRegion, LineBuffer, deadText, lineBytesMax, tooLong } from './line-buffer.js'
import { RowLines } from './row-lines.js'

const newline = 10
/** Builders that grew beyond this are let go with their batch. Bytes. */
export const keptBytesMax = 4 * runBytesMax

/** The line is not what its format or schema says; the message is the dead line's. */
export class LineFault extends Error {}

/** A kernel that scans runs of rows. */
export interface RunScanner {
  /** The input lies in the kernel's memory. */
  readonly region: InputRegion
  /** After `scan`: the byte of the region before which it stopped, always the beginning of a line. */
  readonly stopped: number
  /** Rows scanned, at most `limit`, one from each line between `from` and `to`. */
  scan(from: number, to: number, limit: number): number
  /** The columns of the last run, as views that the next scan ends. */
  columns(rows: number): readonly Column[]
}

/** The slow way: reads one line at a time. */
export interface LineReader {
  readonly builders: readonly ColumnBuilder[]
  /** Appends the row of the line between `from` and its newline at `end`; false where the line is empty. Throws `LineFault`. */
  line(bytes: Uint8Array, from: number, end: number): boolean
}

export interface Lines {
  readonly schema: Schema
  readonly region: InputRegion
  readonly scanner: RunScanner | null
  /** Makes a reader without rows. */
  readonly reader: () => LineReader
  /** Where batches are made; by default their memory is left to the garbage collector. */
  readonly memory?: Memory | undefined
}

export function lineDecoder(lines: Lines): MarkedDecoder {
  return new LineDecoder(lines)
}

class LineDecoder implements MarkedDecoder {
  readonly misfits = noMisfits
  private readonly buffer: LineBuffer
  private readonly schema: Schema
  private readonly scanner: RunScanner | null
  private reader: LineReader
  private rows = 0
  /** A run that lies in the kernel's memory still; nothing else is in the batch then. */
  private held: readonly Column[] | null = null

  constructor(private readonly lines: Lines) {
    this.buffer = new LineBuffer(lines.region)
    this.schema = lines.schema
    this.scanner = lines.scanner
    this.reader = lines.reader()
  }

  get pendingBytes(): number {
    return this.buffer.pendingBytes
  }

  space(bytes: number): Uint8Array {
    return this.buffer.space(bytes)
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
  }

  next(rowsMax: number): Decoded | null {
    const { buffer } = this
    const dead: DeadRecord[] = []
    const numbers = new RowLines()
    const from = buffer.start
    while (this.rows + dead.length < rowsMax && buffer.start - from < runBytesMax) {
      const overlong = buffer.takeOverlong()
      if (overlong !== null) dead.push(overlong)
      else if (buffer.start >= buffer.limit) break
      else if (!this.run(numbers, rowsMax - this.rows - dead.length)) this.line(numbers, dead)
    }
    if (this.rows === 0 && dead.length === 0) return null
    const { batch, loan } = this.finishBatch()
    return { batch, loan, firstPosition: numbers.first(buffer.line), positions: numbers.numbers(batch.rows), dead }
  }

  /** Scans a run of rows; false where a line waits that has to go the slow way. */
  private run(numbers: RowLines, limit: number): boolean {
    const { scanner, buffer } = this
    if (scanner === null) return false
    const to = this.runEnd()
    if (to === buffer.start) return false
    this.flush()
    const rows = scanner.scan(buffer.start, to, limit)
    if (rows > 0) {
      numbers.add(this.rows, buffer.line, rows)
      buffer.advance(scanner.stopped, rows)
      this.held = scanner.columns(rows)
      if (this.rows > 0) this.flush()
      this.rows += rows
    }
    return scanner.stopped === to || rows === limit
  }

  /** Whole lines of at most `runBytesMax` bytes; none where the next one is longer. */
  private runEnd(): number {
    const { bytes, limit, start } = this.buffer
    if (limit - start <= runBytesMax) return limit
    return start + bytes.subarray(start, start + runBytesMax).lastIndexOf(newline) + 1
  }

  private line(numbers: RowLines, dead: DeadRecord[]): void {
    const { buffer } = this
    const { bytes, start, line } = buffer
    const end = buffer.lineEnd()
    buffer.advance(end + 1, 1)
    if (end - start > lineBytesMax) {
      dead.push(tooLong(line, deadText(bytes, start, end), end - start))
      return
    }
    this.flush()
    try {
      if (!this.reader.line(bytes, start, end)) return
      numbers.add(this.rows, line, 1)
      this.rows += 1
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault
      for (const builder of this.reader.builders) builder.truncate(this.rows)
      dead.push({ position: line, text: deadText(bytes, start, end), code: 'ANB2003', message: fault.message })
    }
  }

  /** The held run goes to the builders, because it does not stay alone. */
  private flush(): void {
    if (this.held === null) return
    for (const [i, column] of this.held.entries()) this.reader.builders[i]?.appendRun(column)
    this.held = null
  }

  private finishBatch(): { readonly batch: Batch; readonly loan: Loan | undefined } {
    const arena = new Arena(
      this.held !== null ? bytesOf(this.held) : builtBytes(this.reader.builders),
      this.lines.memory,
    )
    const columns = this.held?.map(column => arena.column(column)) ?? this.builtColumns(arena)
    const batch = { schema: this.schema, rows: this.rows, columns }
    this.held = null
    this.rows = 0
    return { batch, loan: arena.loan }
  }

  private builtColumns(arena: Arena): readonly Column[] {
    const { builders } = this.reader
    const columns = finishColumns(builders, arena)
    if (builtBytes(builders) > keptBytesMax) this.reader = this.lines.reader()
    else for (const builder of builders) builder.truncate(0)
    return columns
  }
}

/** Bytes of an arena that flat columns take. */
function bytesOf(columns: readonly Column[]): number {
  return columns.reduce((sum, { values, offsets, validity }) => {
    return sum + Arena.size(values.length) + Arena.size(offsets?.byteLength ?? 0) + Arena.size(validity?.length ?? 0)
  }, 0)
}
