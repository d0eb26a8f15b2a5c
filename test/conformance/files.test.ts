/** The files source and sink keep the contracts in every format; of Parquet with a stand-in for what writes it. */
import { join } from 'node:path'
import { existsSync, readFileSync } from 'node:fs'
import { silent } from '../../src/base/index.js'
import { type Sink, filesSink, filesSource } from '../../src/connectors/index.js'
import { avroEncoder, decoderOf, encoderOf } from '../../src/formats/index.js'
import { type FormatNode, type SinkFormatNode } from '../../src/plan/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
import {
  type EpochSinkUnderTest,
  type MakeSink,
  type MakeSource,
  type NumberedRow,
  epochSinkCases,
  sinkCases,
  sourceCases,
} from '../../src/testing/index.js'
import {
  HandClock,
  type Row,
  batchOf,
  filesBelow,
  lay,
  linesOf,
  numbered,
  numberedSchema,
  plainCsv,
  readStandIn,
  rowsOfBytes,
  sinkFormat,
  standInParquet,
  standInWork,
  temporaryFolder,
} from '../support/connectors.js'
import { contract } from './contract.js'

const tables = standInWork(numberedSchema)

/** The formats to read; the rows of a CSV file count from 1 where it has no header. */
const read = {
  json: { kind: 'json', schema: numbered },
  csv: { kind: 'csv', schema: numbered, ...plainCsv, header: false },
  avro: { kind: 'avro', schema: numbered },
  parquet: { kind: 'parquet', schema: numbered },
} as const satisfies Partial<Record<FormatNode['kind'], FormatNode>>
type Kind = keyof typeof read

function contentOf(kind: Kind, numbers: readonly NumberedRow[]): string | Uint8Array {
  const rows = numbers.map(row => ({ ...row }))
  switch (kind) {
    case 'json':
      return linesOf(rows)
    case 'csv':
      return rows.map(({ n, word }) => `${n},"${word}"\r\n`).join('')
    case 'avro': {
      const encoder = avroEncoder(numberedSchema, 'deflate')
      return Buffer.concat([encoder.head, encoder.encode(batchOf(numberedSchema, rows))])
    }
    case 'parquet':
      return standInParquet(numbered, [rows.slice(0, 400), rows.slice(400)])
  }
}

const source =
  (kind: Kind): MakeSource =>
  async splits => {
    const folder = temporaryFolder()
    splits.forEach((rows, i) => lay(folder, { [`${i}.rows`]: contentOf(kind, rows) }))
    const format = read[kind]
    const decoder = decoderOf(format)
    return {
      source: filesSource({
        glob: '*.rows',
        folder,
        format,
        files: realFiles,
        tables,
        decoder,
        tail: false,
        clock: new HandClock(),
        observer: silent,
        needed: null,
      }),
    }
  }

function rowsOf(kind: Kind, path: string): readonly Row[] {
  if (kind === 'parquet') return readStandIn(path).groups.flat()
  const format: FormatNode = kind === 'csv' ? { ...read.csv, header: true } : read[kind]
  return rowsOfBytes(format, readFileSync(path))
}

const sink =
  (kind: Kind): MakeSink =>
  async bytes => {
    const { again, visible } = place(kind, bytes)
    return { sink: again(), visible }
  }

function place(kind: Kind, bytes: number): EpochSinkUnderTest {
  const out = temporaryFolder()
  const again = (): Sink => {
    const roll = { bytes, ms: 60_000 }
    const format: SinkFormatNode = sinkFormat(kind)
    const schema = numberedSchema
    const encoder = encoderOf(format, schema)
    const clock = new HandClock()
    return filesSink({
      wantEpoch: () => undefined,
      job: 'numbers',
      out,
      path: 'rows/',
      format,
      roll,
      delivery: 'exactly-once',
      partitionBy: [],
      schema,
      files: realFiles,
      clock,
      encoder,
      tables,
    })
  }
  const folder = join(out, 'rows')
  const names = (): readonly string[] => (existsSync(folder) ? filesBelow(folder) : []).map(name => join(folder, name))
  return { again, visible: async () => names().flatMap(name => rowsOf(kind, name)) }
}

for (const kind of ['json', 'csv', 'avro', 'parquet'] as const) {
  contract(`files of ${kind} keep the contract of a source`, sourceCases(source(kind)))
  contract(`files of ${kind} keep the contract of a sink`, sinkCases(sink(kind), 'whole files'))
  for (const bytes of [1, 3_000, 1e9]) {
    const cases = epochSinkCases(async () => place(kind, bytes))
    contract(`files of ${kind}, rolled after ${bytes} bytes, keep the contract of epochs`, cases)
  }
}
