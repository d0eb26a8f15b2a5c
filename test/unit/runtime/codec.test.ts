/** The reply of a worker against what its stage declared: taken whole, or refused with nothing applied. */
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../src/base/index.js'
import {
  type Batch,
  BufferPool,
  batchFromRows,
  ipcSize,
  ipcTemplate,
  rowsOf,
  writeIpc,
} from '../../../src/batch/index.js'
import { type StageVertex, deadSchema, schemaIds } from '../../../src/plan/index.js'
import { type Reply, StageCodec } from '../../../src/runtime/flow/codec.js'
import { positionOf } from '../../../src/runtime/flow/origin.js'
import { type Rows } from '../../../src/runtime/flow/rows.js'
import { type Call } from '../../../src/runtime/flow/ticket.js'
import { type Schema, schemaFromJson } from '../../../src/schema/index.js'
import { type TableKind, type TableView, Table } from '../../../src/transport/index.js'

const input = schemaFromJson([['id', 'int64']])
const output = schemaFromJson([['y', 'int64']])
const side = schemaFromJson([['odd', 'int64']])
const state = [['n', 'int64']] as const

/** One keyed operator that adds `y`, counts in `n` and has a side output. */
const vertex: StageVertex = {
  kind: 'stage',
  id: 'work',
  inputs: [{ vertex: 0, side: null }],
  number: 0,
  operators: [
    {
      id: 'work',
      place: 'job.ts:1',
      fn: {
        ...{ module: 'transforms.py', name: 'work', kind: 'flat_map', mode: 'batch', keyed: true, atEnd: true },
        ...{ inputs: [['id', 'int64']], outputs: [['y', 'int64']], state, side: { odd: [['odd', 'int64']] } },
        ...{ timeoutMs: 1_000, declared: 'work' },
      },
      sides: [{ output: 1, name: 'odd', schema: side, consumed: true }],
    },
  ],
  key: { columns: ['id'], nullKeys: 'dead-letter' },
  input,
  shipped: input,
  output,
  schema: { fields: [...input.fields, ...output.fields] },
  consumed: true,
}

const numbers = (schema: Schema, values: readonly bigint[]): Batch =>
  batchFromRows(
    schema,
    values.map(value => ({ [schema.fields[0]?.name ?? '']: value })),
  )
/** Lines 100, 101 and 102 of the source, of two keys. */
const sent: Rows = { batch: numbers(input, [10n, 20n, 30n]), origin: { kind: 'run', split: 0, first: 100 } }
const keys = 2

function arrow(kind: TableKind, schemaId: number, batch: Batch): TableView {
  const template = ipcTemplate(batch.schema)
  const bytes = new Uint8Array(ipcSize(template, batch))
  writeIpc(template, batch, bytes, 0)
  return { kind, operator: 0, output: 0, schemaId, rows: batch.rows, bytes }
}
function plain(kind: TableKind, rows: number, bytes: Uint8Array): TableView {
  return { kind, operator: 0, output: 0, schemaId: 0, rows, bytes }
}

const main = (...values: bigint[]): TableView => arrow(Table.output, schemaIds.output, numbers(output, values))
const odd = (...values: bigint[]): TableView => ({
  ...arrow(Table.output, schemaIds.side(0, 1), numbers(side, values)),
  output: 1,
})
const parents = (...rows: number[]): TableView =>
  plain(Table.parent, rows.length, new Uint8Array(Int32Array.from(rows).buffer))
const oddParents = (...rows: number[]): TableView => ({ ...parents(...rows), output: 1 })
const counts = (...values: bigint[]): TableView =>
  arrow(Table.state, schemaIds.state(0), numbers(schemaFromJson(state), values))
const clear = (rows: number, bits: number): TableView => plain(Table.clear, rows, Uint8Array.of(bits))
const measures = (text: string): TableView => plain(Table.measures, 0, new TextEncoder().encode(text))
const deadRow = (cells: Readonly<Record<string, unknown>> = {}): TableView =>
  arrow(
    Table.dead,
    schemaIds.dead,
    batchFromRows(deadSchema, [
      {
        row: 1,
        operator: 0,
        code: 'ANB2002',
        class: 'TransformError',
        type: '',
        message: 'no',
        traceback: '',
        ...cells,
      },
    ]),
  )

const codec = new StageCodec(vertex, new BufferPool(0), 2 ** 20)
const reply = (tables: readonly TableView[], call: Call = { kind: 'rows' }): Reply =>
  codec.reply(tables, { rows: sent, call, keys })

/** Each row that came out as `line:columns`, by output. */
function shown({ emissions }: Reply): readonly string[] {
  return emissions.map(({ output: at, rows }) => {
    const cells = rowsOf(rows.batch).map((row, i) => `${positionOf(rows.origin, i)}:${Object.values(row).join(',')}`)
    return `${at} ${cells.join(' ')}`
  })
}

describe('a reply is taken', () => {
  test.for<readonly [string, readonly TableView[], readonly string[]]>([
    ['with a row for each row', [main(1n, 2n, 3n), counts(1n, 2n)], ['0 100:10,1 101:20,2 102:30,3']],
    ['with rows left out', [main(1n, 3n), parents(0, 2), counts(1n, 2n)], ['0 100:10,1 102:30,3']],
    [
      'with a row many times',
      [main(1n, 2n, 3n, 4n), parents(0, 1, 1, 1), counts(1n, 2n)],
      ['0 100:10,1 101:20,2 101:20,3 101:20,4'],
    ],
    ['with no row at all', [main(), parents(), counts(1n, 2n)], []],
    [
      'with rows of a side output, each from its parent',
      [main(1n, 2n, 3n), odd(7n, 8n), oddParents(1, 2), counts(1n, 2n)],
      ['0 100:10,1 101:20,2 102:30,3', '1 101:7 102:8'],
    ],
    [
      'with a side output of a row for each row',
      [main(), parents(), odd(7n, 8n, 9n), counts(1n, 2n)],
      ['1 100:7 101:8 102:9'],
    ],
  ])('%s', ([, tables, rows]) => {
    expect(shown(reply(tables))).toEqual(rows)
  })

  test('with the new state of each key, the keys to delete, the dead rows and what was measured', () => {
    const tables = [main(1n), parents(0), counts(5n, 6n), clear(2, 0b10), deadRow(), measures('{"us":7,"rss":9}')]
    const { state: [of] = [], dead, us, rssBytes } = reply(tables)
    expect([of === undefined ? [] : rowsOf(of.state), of?.clear]).toEqual([[{ n: 5n }, { n: 6n }], Uint8Array.of(0b10)])
    expect(dead).toMatchObject([{ row: 1, operator: 0, code: 'ANB2002', message: 'no' }])
    expect([us, rssBytes]).toEqual([7, 9])
  })

  test('at the end of input with rows of side outputs only, from no row of the source', () => {
    const { emissions, state: changed } = reply([odd(1n, 2n, 3n, 4n)], { kind: 'end', operator: 0 })
    expect(emissions.map(e => [e.output, e.rows.batch.rows])).toEqual([[1, 4]])
    expect(changed).toEqual([])
  })
})

describe('a reply is refused', () => {
  const good = [main(1n, 2n, 3n), counts(1n, 2n)]
  const end: Call = { kind: 'end', operator: 0 }

  test.for<readonly [string, readonly TableView[], Call?]>([
    ['with a row too few', [main(1n, 2n), counts(1n, 2n)]],
    ['with a row too many', [main(1n, 2n, 3n, 4n), counts(1n, 2n)]],
    ['with fewer rows than parents', [main(1n), parents(0, 1), counts(1n, 2n)]],
    ['whose table says another number of rows than it holds', [{ ...main(1n, 2n, 3n), rows: 2 }, counts(1n, 2n)]],
    ['with a parent behind the rows that were sent', [main(1n, 2n), parents(0, 3), counts(1n, 2n)]],
    ['with a negative parent', [main(1n, 2n), parents(-1, 0), counts(1n, 2n)]],
    ['with parents out of order', [main(1n, 2n), parents(1, 0), counts(1n, 2n)]],
    ['with parents of another size', [main(1n, 2n), { ...parents(0, 1), rows: 1 }, counts(1n, 2n)]],
    ['without its main output', [parents(0, 1, 2), counts(1n, 2n)]],
    ['without its state', [main(1n, 2n, 3n)]],
    ['with state of a key too few', [main(1n, 2n, 3n), counts(1n)]],
    ['with state of a key too many', [main(1n, 2n, 3n), counts(1n, 2n, 3n)]],
    ['with keys to delete of another number', [...good, clear(3, 0)]],
    ['with a side output without parents, of another number of rows', [...good, odd(1n)]],
    ['with a side output of another number of rows than parents', [...good, odd(1n, 2n), oddParents(0)]],
    ['with a parent of a side output behind the rows that were sent', [...good, odd(1n), oddParents(3)]],
    ['with parents of a side output out of order', [...good, odd(1n, 2n), oddParents(2, 1)]],
    ['with a table that the stage does not have', [...good, { ...main(1n), output: 2 }]],
    ['with state of an operator that has none', [...good, { ...counts(1n, 2n), operator: 1 }]],
    [
      'whose output names the schema of another one',
      [{ ...main(1n, 2n, 3n), schemaId: schemaIds.side(0, 1) }, counts(1n, 2n)],
    ],
    ['with a dead row behind the rows that were sent', [...good, deadRow({ row: 3 })]],
    ['with a dead row before them', [...good, deadRow({ row: -1 })]],
    ['with a dead row of an operator that is not there', [...good, deadRow({ operator: 1 })]],
    ['with a dead row of a code that nobody knows', [...good, deadRow({ code: 'ANB9999' })]],
    ['with a dead row of a class that nobody knows', [...good, deadRow({ class: 'OtherError' })]],
    ['whose measures are no JSON', [...good, measures('{')]],
    ['whose measures are no object', [...good, measures('[]')]],
    ['at the end of input with main rows', [main()], end],
    ['at the end of input with state', [odd(1n), counts(1n, 2n)], end],
    ['at the end of input with parents', [odd(1n), oddParents(0)], end],
  ])('%s', ([, tables, call]) => {
    expect(() => reply(tables, call)).toThrow(ProtocolError)
  })
})
