/** The reply of a worker against what its stage declared: taken whole, or refused with nothing applied. */
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../src/base/index.js'
import { type Batch, batchFromRows, ipcSize, ipcTemplate, writeIpc } from '../../../src/batch/index.js'
import { type StageVertex, schemaIds } from '../../../src/plan/index.js'
import { StageCodec } from '../../../src/runtime/flow/codec.js'
import { noOrigin } from '../../../src/runtime/flow/origin.js'
import { type Schema } from '../../../src/schema/index.js'
import { type TableView, Table } from '../../../src/transport/index.js'

const input: Schema = { fields: [{ name: 'id', type: { kind: 'int64' } }] }
const output: Schema = { fields: [{ name: 'y', type: { kind: 'int64' } }] }
const vertex: StageVertex = {
  kind: 'stage',
  id: 'work',
  inputs: [{ vertex: 0, side: null }],
  number: 0,
  operators: [],
  key: null,
  input,
  shipped: input,
  output,
  schema: { fields: [...input.fields, ...output.fields] },
  consumed: true,
}
const sent = {
  batch: batchFromRows(
    input,
    [10n, 20n, 30n].map(id => ({ id })),
  ),
  origin: noOrigin,
}

function answer(values: readonly bigint[]): TableView {
  const batch: Batch = batchFromRows(
    output,
    values.map(y => ({ y })),
  )
  const template = ipcTemplate(output)
  const bytes = new Uint8Array(ipcSize(template, batch))
  writeIpc(template, batch, bytes, 0)
  return { kind: Table.output, operator: 0, output: 0, schemaId: schemaIds.output, rows: batch.rows, bytes }
}
function parents(rows: readonly number[]): TableView {
  const bytes = new Uint8Array(Int32Array.from(rows).buffer)
  return { kind: Table.parent, operator: 0, output: 0, schemaId: 0, rows: rows.length, bytes }
}
function reply(...tables: readonly TableView[]): readonly unknown[] {
  const { emissions } = new StageCodec(vertex).reply(tables, { rows: sent, call: { kind: 'rows' }, keys: 0 })
  return emissions.map(e => e.rows.batch.rows)
}

describe('a reply is taken', () => {
  test('with a row for each row', () => expect(reply(answer([1n, 2n, 3n]))).toEqual([3]))
  test('with rows left out', () => expect(reply(answer([1n, 3n]), parents([0, 2]))).toEqual([2]))
  test('with a row many times', () => expect(reply(answer([1n, 2n, 3n, 4n]), parents([0, 1, 1, 1]))).toEqual([4]))
  test('with no row at all', () => expect(reply(answer([]), parents([]))).toEqual([]))
})

describe('a reply is refused', () => {
  test.each([
    ['with a row too few', [answer([1n, 2n])]],
    ['with a row too many', [answer([1n, 2n, 3n, 4n])]],
    ['with fewer rows than parents', [answer([1n]), parents([0, 1])]],
    ['whose table says another number of rows than it holds', [{ ...answer([1n, 2n, 3n]), rows: 2 }]],
    ['with a parent behind the rows that were sent', [answer([1n, 2n]), parents([0, 3])]],
    ['with a negative parent', [answer([1n, 2n]), parents([-1, 0])]],
    ['with parents out of order', [answer([1n, 2n]), parents([1, 0])]],
    ['without its main output', [parents([0, 1, 2])]],
    ['with a table that the stage does not have', [answer([1n, 2n, 3n]), { ...answer([1n]), output: 1 }]],
  ] as const)('%s', (_name, tables) => {
    expect(() => reply(...tables)).toThrow(ProtocolError)
  })
})
