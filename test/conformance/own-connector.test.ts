/** The source and the sink of examples/own-connector keep the contracts, as they are and as a run holds them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { logfmt, markdown } from '../../examples/own-connector/connectors.js'
import { batchFromRows, rowsOf } from '../../src/batch/index.js'
import { type ConnectorContext, OwnSink, OwnSource } from '../../src/connectors/index.js'
import { sinkCases, sourceCases } from '../../src/testing/index.js'
import { HandClock, lay, numberedSchema, temporaryFolder } from '../support/connectors.js'
import { contract } from './contract.js'

const contextOf = (folder: string, options: unknown): ConnectorContext => ({
  options,
  schema: numberedSchema,
  folder,
  out: folder,
  clock: new HandClock(),
  log: () => undefined,
  batch: rows => batchFromRows(numberedSchema, rows),
  rows: rowsOf,
})

const source = async (splits: readonly (readonly { readonly n: number; readonly word: string }[])[]) => {
  const folder = temporaryFolder()
  splits.forEach((rows, i) => {
    lay(folder, { [`${i}.log`]: rows.map(({ n, word }) => `n=${n} word="${word}"\n`).join('') })
  })
  const names = splits.map((_, i) => `${i}.log`)
  return { source: new OwnSource({ name: 'logfmt', schema: numberedSchema, source: logfmt(contextOf(folder, names)) }) }
}

const sink = async () => {
  const out = temporaryFolder()
  const path = join(out, 'rows.md')
  const visible = async (): Promise<readonly object[]> => {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(2) : []
    return lines.map(line => {
      const [, n, word] = line.split('|').map(cell => cell.trim())
      return { n: Number(n), word }
    })
  }
  return { sink: new OwnSink('markdown', markdown(contextOf(out, 'rows.md'))), visible }
}

contract('a source of the user keeps the contract of a source', sourceCases(source))
contract('a sink of the user keeps the contract of a sink', sinkCases(sink, 'whole files'))
