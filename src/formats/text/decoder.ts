/** Plain text lines to batches: one utf8 column `line`. A line that is not UTF-8 is a dead line. */
import { type Schema } from '../../schema/index.js'
import { utf8Fault } from '../../kernels/index.js'
import { type DeadLine, type Decoded, type LineDecoder } from '../contract.js'
import { Arena } from '../json/builder.js'
import { BytesBuilder } from '../json/nested-builder.js'
import { HeapRegion, LineBuffer, deadText, lineBytesMax, tooLong } from '../line-buffer.js'
import { RowLines } from '../row-lines.js'

export const textSchema: Schema = { fields: [{ name: 'line', type: { kind: 'utf8' }, required: true }] }

export function textDecoder(): LineDecoder {
  return new TextLineDecoder()
}

class TextLineDecoder implements LineDecoder {
  private readonly lines = new LineBuffer(new HeapRegion())

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
    const column = new BytesBuilder({ kind: 'utf8' })
    while (column.length + dead.length < rowsMax) {
      const overlong = lines.takeOverlong()
      if (overlong !== null) dead.push(overlong)
      else if (lines.start < lines.limit) this.line(column, numbers, dead)
      else break
    }
    const rows = column.length
    if (rows === 0 && dead.length === 0) return null
    const columns = [column.finish(new Arena(column.bytes()))]
    return {
      batch: { schema: textSchema, rows, columns },
      firstLine: numbers.first(lines.line),
      lines: numbers.numbers(rows),
      dead,
    }
  }

  private line(column: BytesBuilder, numbers: RowLines, dead: DeadLine[]): void {
    const { lines } = this
    const { bytes, start, line } = lines
    const newline = lines.lineEnd()
    lines.advance(newline + 1, 1)
    const end = newline > start && bytes[newline - 1] === 13 ? newline - 1 : newline
    if (end === start) return
    const text = (): string => deadText(bytes, start, end)
    if (newline - start > lineBytesMax) {
      dead.push(tooLong(line, text(), newline - start))
      return
    }
    const fault = utf8Fault(bytes, start, end)
    if (fault >= 0) {
      const byte = (bytes[fault] ?? 0).toString(16)
      const message = `expected UTF-8, got byte 0x${byte} at byte ${fault - start + 1}`
      dead.push({ line, text: text(), code: 'ANB2003', message })
      return
    }
    numbers.add(column.length, line, 1)
    column.append(bytes, start, end)
    column.close()
  }
}
