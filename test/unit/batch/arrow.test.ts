import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript'
import { expect, test } from 'vitest'
import { batchFromRows, loadArrow, toArrowTable } from '../../../src/batch/index.js'
import { schemaFromJson } from '../../../src/schema/index.js'
import { repository } from '../../support/repository.js'

const schema = schemaFromJson([
  ['item', 'utf8'],
  ['qty', 'int64'],
  ['at', 'timestamp[ms, UTC]'],
  ['sizes', 'list<int32>'],
])

test('a batch is a table of apache-arrow with the same names, types and values', async () => {
  const table = await toArrowTable(batchFromRows(schema, [{ item: 'rope', qty: 2n, at: 1_000n, sizes: [1, 2] }, {}]))
  expect(table.schema.fields.map(field => `${field.name} ${field.type}`)).toEqual([
    'item Utf8',
    'qty Int64',
    'at Timestamp<MILLISECOND, UTC>',
    'sizes List<Int32>',
  ])
  const [row, nulls] = table.toArray()
  expect([row.item, row.qty, row.at, [...row.sizes]]).toEqual(['rope', 2n, 1_000, [1, 2]])
  expect(nulls.toJSON()).toEqual({ item: null, qty: null, at: null, sizes: null })
})

test('no batches are a table that has columns and no rows; several are one table', async () => {
  const toArrow = await loadArrow()
  expect([toArrow(schema, []).numRows, toArrow(schema, []).numCols]).toEqual([0, 4])
  const one = batchFromRows(schema, [{ qty: 1n }])
  expect(toArrow(schema, [one, one]).getChild('qty')?.toArray()).toEqual(BigInt64Array.of(1n, 1n))
})

test('nothing that runs jobs loads the library: what tsc leaves of the room imports it only when it is asked to', () => {
  const text = readFileSync(join(repository, 'src', 'batch', 'arrow.ts'), 'utf8')
  const { outputText } = transpileModule(text, {
    compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2023, verbatimModuleSyntax: true },
  })
  expect(outputText).toContain("await import('apache-arrow')")
  expect(outputText).not.toMatch(/^import .*apache-arrow/m)
})
