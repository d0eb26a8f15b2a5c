import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/index.js'
import { csv, files, job, json, nullSink, socket, text, withFileSinks, withInputs } from '../../../src/plan/index.js'
import { clicks, cleanPlan, columns } from './functions.js'

const plan = cleanPlan(
  job('rewired')
    .from(clicks, { id: 'clicks' })
    .to(files.sink('a/', json(), { roll: { ms: '1s' } }), { id: 'kept' })
    .to(socket.sink('tcp://nowhere:1'), { id: 'sent' })
    .to(nullSink(), { id: 'counted' }),
)
const connectors = (of: typeof plan): readonly unknown[] =>
  of.nodes.flatMap(node => (node.kind === 'source' || node.kind === 'sink' ? [node.connector] : []))

describe('other inputs', () => {
  const schema = columns('user utf8, item utf8, price float64, qty int64')

  test.for([
    ['/tmp/clicks.parquet', { kind: 'parquet', schema }],
    ['/tmp/*.jsonl.zst', { kind: 'json', schema }],
    ['/tmp/clicks.arrow', { kind: 'arrow', schema }],
    ['/tmp/clicks.avro', { kind: 'avro', schema }],
  ] as const)('a source reads %s in the format that its name says, under its own schema', ([path, format]) => {
    const [source] = connectors(withInputs(plan, [{ source: 'clicks', path }]))
    expect(source).toEqual({ kind: 'files', glob: path, format })
  })

  test('a file of the kind that the source reads is read in the way of the source', () => {
    const own = csv(columns('a int32'), { delimiter: ';' })
    const table = cleanPlan(job('table').from(files('*', own), { id: 'in' }).to(nullSink()))
    const [source] = connectors(withInputs(table, [{ source: 'in', path: '/tmp/other.csv' }]))
    expect(source).toEqual({ kind: 'files', glob: '/tmp/other.csv', format: own.format })
  })

  test('lines of text stay lines', () => {
    const lines = cleanPlan(job('lines').from(files('*', text()), { id: 'lines' }).to(nullSink()))
    const [source] = connectors(withInputs(lines, [{ source: 'lines', path: '/tmp/lines.txt' }]))
    expect(source).toEqual({ kind: 'files', glob: '/tmp/lines.txt', format: { kind: 'text' } })
  })

  test('all that do not fit are listed, with the name that was meant', () => {
    const wrong = [
      { source: 'click', path: '/tmp/a.parquet' },
      { source: 'clicks', path: '/tmp/a.xlsx' },
    ]
    const refused = (): PlanError | null => {
      try {
        withInputs(plan, wrong)
        return null
      } catch (error) {
        return error instanceof PlanError ? error : null
      }
    }
    expect(refused()?.faults).toMatchObject([
      { code: 'ANB1017', message: 'job "rewired" has no source "click"', place: '--input click=/tmp/a.parquet' },
      { code: 'ANB1017', message: 'the name of /tmp/a.xlsx does not say how to read it' },
    ])
    expect(refused()?.faults[0]?.hint).toContain('clicks')
  })
})

test('with files for sinks nothing leaves the output folder, and a sink keeps its policy of rolling', () => {
  expect(connectors(withFileSinks(plan, 'parquet')).slice(1)).toMatchObject([
    { kind: 'files', path: 'sinks/kept/', format: { kind: 'parquet' }, roll: { ms: 1_000 } },
    { kind: 'files', path: 'sinks/sent/', format: { kind: 'parquet' } },
    { kind: 'files', path: 'sinks/counted/', format: { kind: 'parquet' } },
  ])
})
