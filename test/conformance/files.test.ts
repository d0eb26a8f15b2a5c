/** The files source and sink, of JSON lines and of Parquet (a stand-in for it), keep the contracts. */
import { join } from 'node:path'
import { filesSink, filesSource } from '../../src/connectors/index.js'
import { jsonDecoder, jsonEncoder, textDecoder } from '../../src/formats/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
import { type MakeSink, type MakeSource, sinkCases, sourceCases } from '../../src/testing/index.js'
import {
  HandClock,
  filesBelow,
  lay,
  linesOf,
  numbered,
  numberedSchema,
  readRows,
  readStandIn,
  standInParquet,
  standInWork,
  temporaryFolder,
} from '../support/connectors.js'
import { contract } from './contract.js'

const parquet = standInWork(numberedSchema)
const decoders = { json: jsonDecoder, text: textDecoder }

const source =
  (kind: 'json' | 'parquet'): MakeSource =>
  async splits => {
    const folder = temporaryFolder()
    splits.forEach((numbers, i) => {
      const rows = numbers.map(row => ({ ...row }))
      const content = kind === 'json' ? linesOf(rows) : standInParquet(numbered, [rows.slice(0, 400), rows.slice(400)])
      lay(folder, { [`${i}.${kind}`]: content })
    })
    const format = { kind, schema: numbered } as const
    return {
      source: filesSource({ glob: `*.${kind}`, folder, format, files: realFiles, parquet, decoders, needed: null }),
    }
  }

const sink =
  (format: 'json' | 'parquet'): MakeSink =>
  async bytes => {
    const out = temporaryFolder()
    const roll = { bytes, ms: 60_000 }
    const path = 'rows/'
    const schema = numberedSchema
    const clock = new HandClock()
    const made = filesSink({ out, path, format, roll, schema, files: realFiles, clock, encoder: jsonEncoder, parquet })
    const names = (): readonly string[] => filesBelow(join(out, 'rows')).map(name => join(out, 'rows', name))
    const rows = (name: string): readonly object[] =>
      format === 'json' ? readRows(name) : readStandIn(name).groups.flat()
    return { sink: made, visible: async () => names().flatMap(rows) }
  }

contract('files of JSON lines keep the contract of a source', sourceCases(source('json')))
contract('files of Parquet keep the contract of a source', sourceCases(source('parquet')))
contract('files of JSON lines keep the contract of a sink', sinkCases(sink('json'), 'whole files'))
contract('files of Parquet keep the contract of a sink', sinkCases(sink('parquet'), 'whole files'))
