/** The null sink: keeps nothing, counts the rows and adds up one column, so that a benchmark proves what it moved. */
import { type Batch, type Column, columnNamed } from '../../batch/index.js'
import { invariant } from '../../base/index.js'
import { fieldsOf } from '../json.js'
import { type Prepared, type Sink, type SinkFile, type SinkStart } from '../contract.js'

export interface NullSinkOptions {
  /** Name of a float64 column to add up, or null. */
  readonly checksum: string | null
}
export interface NullSink extends Sink {
  readonly rows: number
  /** Sum of the column in row order, nulls left out; 0 without a column. */
  readonly checksum: number
}

export function nullSink({ checksum }: NullSinkOptions): NullSink {
  return new CountingSink(checksum)
}

class CountingSink implements NullSink {
  rows = 0
  checksum = 0
  constructor(private readonly column: string | null) {}

  /** A sum may be no number, which JSON does not have: it is kept as text. */
  async open({ prepared }: SinkStart): Promise<{ readonly applied: null }> {
    const { rows, checksum } = fieldsOf(prepared) ?? {}
    this.rows = Number(rows ?? 0)
    this.checksum = Number(checksum ?? 0)
    return { applied: null }
  }

  async write(batch: Batch): Promise<void> {
    this.rows += batch.rows
    if (this.column === null) return
    const column = columnNamed(batch, this.column)
    invariant(column?.type.kind === 'float64', `the checksum column "${this.column}" is a float64 column of the sink`)
    this.checksum = sum(column, this.checksum)
  }

  async prepare(): Promise<Prepared> {
    return { rows: this.rows, checksum: String(this.checksum) }
  }

  async commit(): Promise<void> {}

  async finish(): Promise<readonly SinkFile[]> {
    return [{ path: 'null', rows: this.rows }]
  }

  async abort(): Promise<readonly SinkFile[]> {
    return this.finish()
  }
}

function sum({ values, validity, length }: Column, start: number): number {
  const numbers = new Float64Array(values.buffer, values.byteOffset, length)
  return validity === null ? sumAll(numbers, start) : sumValid(numbers, validity, start)
}

function sumAll(numbers: Float64Array, start: number): number {
  let total = start
  for (let i = 0; i < numbers.length; i += 1) total += numbers[i] ?? 0
  return total
}

function sumValid(numbers: Float64Array, validity: Uint8Array, start: number): number {
  let total = start
  for (let i = 0; i < numbers.length; i += 1) {
    if (((validity[i >> 3] ?? 0) >> (i & 7)) & 1) total += numbers[i] ?? 0
  }
  return total
}
