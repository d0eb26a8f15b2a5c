/** The files source and sink, of JSON lines and of Parquet (a stand-in for it), keep the contracts. */
import { join } from 'node:path'
import { filesSink, filesSource } from '../../src/connectors/index.js'
import { jsonDecoder, jsonEncoder, textDecoder } from '../../src/formats/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
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
import { type MakeSink, sinkKeepsItsContract } from './sink.js'
import { type MakeSource, sourceKeepsItsContract } from './source.js'

const parquet = standInWork(numberedSchema)
const decoders = { json: jsonDecoder, text: textDecoder }

const source =
  (kind: 'json' | 'parquet'): MakeSource =>
  async splits => {
    const folder = temporaryFolder()
    splits.forEach((rows, i) => {
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
    return { sink: made, visible: async () => names().flatMap(rows) as never }
  }

sourceKeepsItsContract('files of JSON lines', source('json'))
sourceKeepsItsContract('files of Parquet', source('parquet'))
sinkKeepsItsContract('files of JSON lines', sink('json'), 'whole files')
sinkKeepsItsContract('files of Parquet', sink('parquet'), 'whole files')
