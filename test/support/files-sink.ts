/** A files sink of numbered rows in a folder of a test. */
import { type Files } from '../../src/base/index.js'
import { type Sink, type TableWork, filesSink } from '../../src/connectors/index.js'
import { encoderOf } from '../../src/formats/index.js'
import { type Delivery } from '../../src/plan/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
import { withoutFields } from '../../src/schema/index.js'
import { HandClock, numberedSchema, sinkFormat, standInWork } from './connectors.js'

export interface MoreOfSink {
  readonly job?: string
  readonly path?: string
  readonly format?: 'json' | 'parquet'
  readonly bytes?: number
  readonly files?: Files
  readonly clock?: HandClock
  readonly tables?: TableWork
  readonly partitionBy?: readonly string[]
  readonly delivery?: Delivery
}

export function sinkTo(out: string, more: MoreOfSink = {}): Sink {
  const { path = 'rows/', format: kind = 'json', bytes = 1e9, files = realFiles, clock = new HandClock() } = more
  const { tables = standInWork(numberedSchema) } = more
  const roll = { bytes, ms: 60_000 }
  const format = sinkFormat(kind)
  const { job = 'numbers', partitionBy = [], delivery = 'exactly-once' } = more
  const schema = withoutFields(numberedSchema, partitionBy)
  const encoder = encoderOf(format, schema)
  return filesSink({
    job,
    out,
    path,
    format,
    roll,
    delivery,
    partitionBy,
    schema,
    files,
    clock,
    encoder,
    tables,
    wantEpoch: () => undefined,
  })
}
