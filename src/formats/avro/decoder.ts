/**
 * Avro container files to batches. Records are read column by column straight from the bytes of their block; avsc
 * parses the schema they were written with and says what a dead record held.
 *
 * Rows are counted from 1. A value that does not fit its column makes its row a dead record; bytes that are not what the
 * schema says are damage, since nothing behind them can be found.
 */
import { ConnectorError } from '../../base/index.js'
import { type Schema } from '../../schema/index.js'
import { finishColumns } from '../columns/builder.js'
import { runBytesMax } from '../columns/scratch.js'
import { type DeadRecord, type Decoded, type Mark, type MarkedDecoder, noMisfits } from '../contract.js'
import { deadTextMax } from '../line-buffer.js'
import { RowLines } from '../row-lines.js'
import { type RecordReader, recordReader } from './columns.js'
import { type Block, Container } from './container.js'
import { Cursor, Damage } from './cursor.js'
import { bytesMin, hollowItemsMax } from './skip.js'
import { type WrittenSchema, parseSchema } from './types.js'

/** Decodes an Avro container by a schema. */
export const avroDecoder = (schema: Schema): MarkedDecoder => new AvroDecoder(schema)

/** What the header of the file decides. */
interface Written {
  readonly schema: WrittenSchema
  readonly reader: RecordReader | null
  readonly misfits: readonly string[]
}

class AvroDecoder implements MarkedDecoder {
  private readonly container = new Container()
  private readonly cursor = new Cursor()
  private written: Written | null = null
  private finished = false
  /** Where the block at the cursor begins, and with which record. */
  private block: Mark = { at: 0, position: 1, pass: 0 }
  /** Records of that block that were not read yet. */
  private left = 0
  /** Number of the next record, counted from 1. */
  private position = 1

  constructor(private readonly schema: Schema) {}

  get pendingBytes(): number {
    return this.container.pendingBytes + this.cursor.left
  }

  get misfits(): readonly string[] | null {
    return guarded(() => this.header())?.misfits ?? (this.finished ? noMisfits : null)
  }

  space(bytes: number): Uint8Array {
    return this.container.space(bytes)
  }

  filled(bytes: number): void {
    this.container.filled(bytes)
  }

  finish(): void {
    this.finished = true
    this.container.finish()
  }

  /** Blocks are packed as a whole, so a place inside one is its beginning and the records before it. */
  mark(): Mark {
    const { block, container, left, position } = this
    return left === 0 ? { at: container.offset, position, pass: 0 } : { ...block, pass: position - block.position }
  }

  resume({ at, position }: Mark): void {
    this.container.resume(at)
    this.cursor.open(new Uint8Array(0))
    this.finished = false
    this.left = 0
    this.position = position
  }

  next(rowsMax: number): Decoded | null {
    return guarded(() => this.decode(rowsMax))
  }

  private header(): Written | null {
    const header = this.written === null ? this.container.readHeader() : null
    if (header === null) return this.written
    const schema = parseSchema(header.schema)
    const reader = recordReader(schema.record, this.schema)
    this.written = 'read' in reader ? { schema, reader, misfits: noMisfits } : { schema, reader: null, misfits: reader }
    return this.written
  }

  private decode(rowsMax: number): Decoded | null {
    const written = this.header()
    if (written === null || !this.enterBlock(written)) return null
    const { reader } = written
    if (reader === null) throw new ConnectorError('ANB4002', `has another schema: ${written.misfits[0]}`)
    const { cursor } = this
    const dead: DeadRecord[] = []
    const numbers = new RowLines()
    const from = cursor.at
    let rows = 0
    while (this.left > 0 && rows + dead.length < rowsMax && cursor.at - from < runBytesMax) {
      const begin = cursor.at
      reader.read(cursor)
      if (cursor.fault === null) {
        numbers.add(rows, this.position, 1)
        rows += 1
      } else {
        for (const builder of reader.builders) builder.truncate(rows)
        dead.push(this.deadRecord(written.schema, begin, cursor.fault))
        cursor.fault = null
      }
      this.position += 1
      this.left -= 1
    }
    const columns = finishColumns(reader.builders)
    for (const builder of reader.builders) builder.truncate(0)
    const batch = { schema: this.schema, rows, columns }
    return { batch, firstPosition: numbers.first(this.position), positions: numbers.numbers(rows), dead }
  }

  /** Answers whether there is a record at the cursor. */
  private enterBlock({ schema }: Written): boolean {
    const { header } = this.container
    while (this.left === 0 && header !== null) {
      if (this.cursor.left > 0) throw new Damage(`a block has ${this.cursor.left} bytes behind its last record`)
      const at = this.container.offset
      const block = this.container.nextBlock(header)
      if (block === null) return false
      checkCount(block, bytesMin(schema.record))
      this.cursor.open(block.bytes)
      this.left = block.records
      this.block = { at, position: this.position, pass: 0 }
    }
    return this.left > 0
  }

  private deadRecord({ textOf }: WrittenSchema, begin: number, message: string): DeadRecord {
    const bytes = this.cursor.bytes.subarray(begin, this.cursor.at)
    const text = bytes.length > deadTextMax * 4 ? null : textOf(bytes)
    const shown = text ?? Buffer.from(bytes.subarray(0, deadTextMax / 2)).toString('hex')
    return { position: this.position, text: shown.slice(0, deadTextMax), code: 'ANB2003', message }
  }
}

function checkCount({ records, bytes }: Block, recordBytes: number): void {
  const most = recordBytes === 0 ? hollowItemsMax : bytes.length / recordBytes
  if (records > most) throw new Damage(`a block claims ${records} records that it has no room for`)
}

function guarded<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof Damage) throw new ConnectorError('ANB4002', `is damaged: ${cause.message}`, { cause })
    throw cause
  }
}
