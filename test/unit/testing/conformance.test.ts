import { expect, test } from 'vitest'
import { batchFromRows } from '../../../src/batch/index.js'
import { type Polled, type Sink, type Source, type SourcePosition, nullSink } from '../../../src/connectors/index.js'
import { jsonDecoder, jsonEncoder } from '../../../src/formats/index.js'
import {
  type Case,
  type NumberedRow,
  type SinkUnderTest,
  formatCases,
  sinkCases,
  sourceCases,
} from '../../../src/testing/index.js'
import { numberedSchema } from '../../support/connectors.js'

/** A source in memory, and one thing that is wrong with it. */
class Numbers implements Source {
  readonly bounded = true
  readonly replayable = true
  private at = 0
  private drained = false

  constructor(
    private readonly rows: readonly NumberedRow[],
    private readonly fault:
      | 'none'
      | 'ignores the limit'
      | 'counts from 0'
      | 'loses a row'
      | 'does not say where to go on'
      | 'begins anew',
  ) {}

  async open(from?: SourcePosition | null): Promise<void> {
    if (this.fault !== 'begins anew') this.at = Number(from ?? 0)
  }

  async poll({ rowsMax }: { readonly rowsMax: number }): Promise<Polled | null> {
    if (this.drained || this.at >= this.rows.length) return null
    const from = this.at
    this.at += this.fault === 'ignores the limit' ? this.rows.length : rowsMax
    const rows = this.rows.slice(from, this.at).filter(row => this.fault !== 'loses a row' || row.n !== 700)
    return {
      batch: batchFromRows(
        numberedSchema,
        rows.map(row => ({ ...row })),
      ),
      split: 'numbers',
      firstPosition: from + (this.fault === 'counts from 0' ? 0 : 1),
      positions: null,
      dead: [],
      next: this.fault === 'does not say where to go on' ? undefined : this.at,
    }
  }

  progress(): ReturnType<Source['progress']> {
    const rows = Math.min(this.at, this.rows.length)
    return { rows, done: rows, total: this.rows.length }
  }

  drain(): void {
    this.drained = true
  }

  async close(): Promise<void> {}
}

async function broken(cases: readonly Case[]): Promise<readonly string[]> {
  const names: string[] = []
  for (const { name, run } of cases) await run().catch(() => names.push(name))
  return names
}

const sourceWith = (fault: ConstructorParameters<typeof Numbers>[1]): readonly Case[] =>
  sourceCases(async splits => ({ source: new Numbers(splits.flat(), fault) }))

test('a source of 40 lines that keeps the contract passes every case', async () => {
  expect(await broken(sourceWith('none'))).toEqual([])
})

test.for([
  ['ignores the limit', 'with at most 7 a poll'],
  ['counts from 0', 'the place of a row counts from 1'],
  ['loses a row', 'all rows come, in order'],
  ['does not say where to go on', 'goes on behind every batch'],
  ['begins anew', 'goes on behind every batch'],
] as const)('a source that %s is found', async ([fault, found]) => {
  expect((await broken(sourceWith(fault))).join('\n')).toContain(found)
})

test('a source whose end is no end is found', async () => {
  const endless = sourceCases(async () => {
    const poll: Source['poll'] = limit => new Numbers([{ n: 1, word: 'one' }], 'none').poll(limit)
    return { source: Object.assign(new Numbers([], 'none'), { poll }) }
  })
  expect(await broken(endless)).toContain('no rows is an end, and the end stays the end')
})

const sinkWith = (change: (made: SinkUnderTest, rows: object[]) => Partial<Sink>): readonly Case[] =>
  sinkCases(async () => {
    const rows: object[] = []
    const made = { sink: nullSink({ checksum: null }), visible: async () => rows }
    return { ...made, sink: Object.assign(made.sink, change(made, rows)) }
  }, 'whole files')

test('a sink that shows nothing is found, and so is one that shows rows too early', async () => {
  expect(await broken(sinkWith(() => ({})))).toContain('every row is there once and in order, rolled after 1 bytes')
  const early = sinkWith((_, rows) => ({ write: async batch => void rows.push(...Array(batch.rows).fill({})) }))
  expect(await broken(early)).toContain('rows are not visible before their file is whole')
})

test('a format that writes what it does not read is found, and one may say what it cannot hold', async () => {
  const encoder: typeof jsonEncoder = schema => {
    const { fields } = schema
    const wrong = fields.some(field => field.type.kind === 'date32')
    return wrong ? jsonEncoder({ fields: fields.slice(0, 1) }) : jsonEncoder(schema)
  }
  const format = { decoder: jsonDecoder, encoder }
  expect(await broken(formatCases(format))).toEqual(['a column of date32 reads as it was written'])
  expect(await broken(formatCases({ ...format, without: ['date32'] }))).toEqual([])
})

test('a decoder that does not go on at its marks is found', async () => {
  const decoder: typeof jsonDecoder = schema => {
    const made = jsonDecoder(schema)
    return Object.assign(made, { resume: () => undefined })
  }
  const found = 'another decoder goes on at each mark, where it gives marks'
  expect(await broken(formatCases({ decoder, encoder: jsonEncoder }))).toEqual([found])
})
