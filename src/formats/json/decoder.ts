/**
 * JSON lines to batches: one object a line, its keys are the columns.
 *
 * A line that is not an object of the schema becomes a dead line that says why; the rows around it go on.
 * Missing keys are null (or the field's default), unknown keys are passed over, of equal keys the last wins.
 */
import { type Memory } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type ColumnBuilder } from '../columns/builder.js'
import { type MarkedDecoder } from '../contract.js'
import { HeapRegion } from '../line-buffer.js'
import { type LineReader, lineDecoder } from '../line-decoder.js'
import { FastRows } from './fast-rows.js'
import { JsonReader } from './reader.js'
import { ObjectReader } from './values.js'

export interface JsonDecoderOptions {
  /** The kernel's plain twin is asked for, or no kernel at all; tests compare the three. Default 'wasm'. */
  readonly kernel?: 'wasm' | 'plain' | 'none'
  /** Where batches are made. */
  readonly memory?: Memory
}

/** Decodes JSON lines by a schema. */
export function jsonDecoder(schema: Schema, options: JsonDecoderOptions = {}): MarkedDecoder {
  const kernel = options.kernel ?? 'wasm'
  const scanner = kernel === 'none' ? null : FastRows.of(schema, kernel === 'plain')
  const region = scanner?.region ?? new HeapRegion()
  return lineDecoder({ schema, region, scanner, reader: () => new ObjectLines(schema), memory: options.memory })
}

const openBrace = 123

class ObjectLines implements LineReader {
  readonly builders: readonly ColumnBuilder[]
  private readonly reader = new JsonReader()
  private readonly rows: ObjectReader

  constructor(schema: Schema) {
    this.rows = new ObjectReader(schema.fields)
    this.builders = this.rows.builders
  }

  line(bytes: Uint8Array, from: number, end: number): boolean {
    const { reader } = this
    reader.open(bytes, from, end)
    const first = reader.next()
    if (reader.at === end) return false
    if (first !== openBrace) reader.failType('a JSON object')
    this.rows.read(reader)
    reader.next()
    if (reader.at !== end) reader.fail('the end of the line')
    return true
  }
}
