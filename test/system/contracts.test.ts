/**
 * Contracts on data, as a user has them: written in Python or in the job file, held against the rows of a run, with the
 * dead letters, the flags, the stop and the report that come of it.
 */
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const transforms = `
import anabranch as ab
import pyarrow.compute as pc

Click = ab.schema({"id": ab.int64, "price": ab.float64, "user": ab.utf8})
clicks = ab.contract(
    {"id": [ab.int64, ab.check.unique()], "price": [ab.float64, ab.check.between(0, 10)],
     "user": [ab.utf8, ab.check.not_null()]},
    ab.check.that("cheap rows have small ids", lambda b: pc.or_(pc.greater(b["price"], 1), pc.less(b["id"], 100))),
)


@ab.transform(inputs={"price": ab.float64}, outputs={"cents": ab.float64})
def cents(batch):
    return {"cents": pc.multiply(batch["price"], 100)}
`
const line = (id: number, price: number, user: string | null): string => JSON.stringify({ id, price, user })
const three = [line(1, 5, 'a'), line(2, 99, null), line(3, 2, 'c')].join('\n')

const withJob = (check: string, input = three, imports = '', module = transforms): Promise<JobFolder> =>
  jobFolder({
    'transforms.py': module,
    'input/x.jsonl': `${input}\n`,
    'job.ts': `
import { files, job, json${imports} } from 'anabranch'
import t from './transforms.anabranch.js'

export default job('checked').from(files('input/*.jsonl', json(t.Click)))
  ${check}
  .apply(t.cents)
  .to(files.sink('rows/', json()))
`,
  })

test('a row that breaks rules is a dead letter with all that it breaks, and the report counts each rule', async () => {
  const job = await withJob('.check(t.clicks)')
  const run = await job.run()
  expect(run.code, run.stderr).toBe(0)
  expect(job.rows('rows').map(row => row['cents'])).toEqual([500, 200])
  expect(job.deadLetters()).toMatchObject([
    {
      operator: 'clicks',
      row: { id: 2 },
      error: { code: 'ANB2002', message: 'price must be between 0 and 10, got 99.0; user must not be null' },
    },
  ])
  expect(run.json?.['checks']).toEqual([
    {
      check: 'clicks',
      rows: 3,
      failed: 1,
      rules: [
        { rule: 'id must be unique', failed: 0, ratio: 0 },
        { rule: 'price must be between 0 and 10', failed: 1, ratio: 1 / 3 },
        { rule: 'user must not be null', failed: 1, ratio: 1 / 3 },
        { rule: 'cheap rows have small ids', failed: 0, ratio: 0 },
      ],
    },
  ])
  expect(run.stderr).toContain('check "clicks": 1 of 3 rows failed')
  expect(run.stderr).toMatch(/ 1 {2}33\.33 % {2}user must not be null/)
})

test('a flagged row stays, with a column of what it breaks', async () => {
  const job = await withJob(`.check(t.clicks, { onFail: 'flag', column: 'wrong' })`)
  const run = await job.run()
  expect(run.code, run.stderr).toBe(0)
  expect(job.rows('rows').map(row => [row['id'], row['wrong']])).toEqual([
    [1, []],
    [2, ['price must be between 0 and 10, got 99.0', 'user must not be null']],
    [3, []],
  ])
  expect(run.json).toMatchObject({ rows_dead: 0, checks: [{ rows: 3, failed: 1 }] })
})

test('stop ends the job at the first bad row, with its rule, its column and its value', async () => {
  const job = await withJob(`.check(t.clicks, { onFail: 'stop' })`)
  const run = await job.run()
  expect(run.code).not.toBe(0)
  expect(run.stderr).toContain('ANB2110')
  expect(run.stderr).toContain('at row 1 of 3: price must be between 0 and 10, got 99.0; user must not be null')
  expect(job.rows('rows')).toEqual([])
})

describe('maxRatio stops the job', () => {
  const halfBad = Array.from({ length: 4_000 }, (_, id) => line(id, id % 2 === 0 ? 99 : 5, 'a'))

  test('when a short input has ended with too many bad rows', async () => {
    const job = await withJob('.check(t.clicks, { maxRatio: 0.3 })')
    const run = await job.run()
    expect(run.code).not.toBe(0)
    expect(run.stderr).toContain(
      'ANB2012 expected at most 0.3 of the rows to break a rule of check "clicks", got 1 of 3',
    )
  })

  test('and stands in for the limit of dead rows: half may be dead where half was allowed', async () => {
    const job = await withJob('.check(t.clicks, { maxRatio: 0.6 })', halfBad.join('\n'))
    const run = await job.run()
    expect(run.code, run.stderr).toBe(0)
    expect(run.json).toMatchObject({ rows_dead: 2_000, checks: [{ rows: 4_000, failed: 2_000 }] })
  })
})

test('a contract of the job file takes its types from the stream, and is counted once for every split of the rows', async () => {
  const check = `.check(contract({ price: between(0, 10), user: [notNull(), matches('^[ab]$')] }, unique('id')), { id: 'good' })`
  const input = [...Array(50).keys()].map(id => line(id % 40, id, id % 2 === 0 ? 'a' : 'z')).join('\n')
  for (const batchRows of ['50', '7']) {
    const job = await withJob(check, input, ', between, contract, matches, notNull, unique')
    const run = await job.run('--batch-rows', batchRows)
    expect(run.code, run.stderr).toBe(0)
    const counts = { rows: 50, rules: [{ failed: 39 }, { failed: 0 }, { failed: 25 }, {}] }
    expect(run.json?.['checks']).toMatchObject([{ check: 'good', ...counts }])
  }
})

test('explain lists the rules, lint names a column that the stream lacks, and tsc does too', async () => {
  const job = await withJob(`.check(t.clicks, { maxRatio: 0.1 })`)
  const explained = await job.cli('explain', 'job.ts')
  expect(explained.stdout + explained.stderr).toContain('check clicks: 4 rules, on failure dead-letter, at most 0.1')
  expect(explained.stdout).toContain('clicks: price must be between 0 and 10')

  const lacking = await withJob(`.select('price').check(t.clicks)`)
  const linted = await lacking.cli('lint', 'job.ts')
  expect(linted.code).not.toBe(0)
  expect(linted.stdout + linted.stderr).toContain('contract "clicks" needs column "id", which the stream does not have')
})

test('a contract that was changed in Python without its types file is refused', async () => {
  const job = await withJob('.check(t.clicks)')
  writeFileSync(`${job.path}/transforms.py`, transforms.replace('between(0, 10)', 'between(0, 11)'))
  const run = await job.run()
  expect(run.code).not.toBe(0)
  expect(run.stderr).toContain('npx anabranch types transforms.py')
})

test('a schema of Pandera and a model of Pydantic are contracts as they are', async () => {
  const schemas = `
import pandera.pandas as pandera
import pandera.pyarrow
import pydantic


class Priced(pandera.DataFrameModel):
    price: float = pandera.Field(le=10)


class Counted(pandera.pyarrow.DataFrameModel):
    price: float = pandera.pyarrow.Field(le=10)


class Used(pydantic.BaseModel):
    user: str


priced = ab.contract(Priced)
counted = ab.contract(Counted)
used = ab.contract(Used)
`
  const job = await withJob(
    `.check(t.priced, { onFail: 'flag' }).check(t.counted, { onFail: 'flag', column: 'again' }).check(t.used)`,
    three,
    '',
    transforms + schemas,
  )
  const run = await job.run()
  expect(run.code, run.stderr).toBe(0)
  expect(run.json?.['checks']).toMatchObject([
    {
      check: 'priced',
      rows: 3,
      failed: 1,
      rules: [{ failed: 0 }, { rule: 'price: less_than_or_equal_to(10)', failed: 1 }],
    },
    { check: 'counted', rows: 3, failed: 1, rules: [{}, { rule: 'price: less_than_or_equal_to(10)', failed: 1 }] },
    { check: 'used', rows: 3, failed: 1 },
  ])
  expect(job.rows('rows').map(row => row['failures'])).toEqual([[], []])
  expect(job.deadLetters()).toMatchObject([{ error: { message: 'user: Input should be a valid string, got None' } }])
})

test('a call behind checks is replayed with them, wherever their contracts were written', async () => {
  const raising = transforms.replace(
    '    return {"cents"',
    '    assert 7 not in batch["price"].to_pylist()\n    return {"cents"',
  )
  const checks = `.check(contract({ id: notNull() }), { id: 'here' }).check(t.clicks)`
  const job = await withJob(checks, `${three}\n${line(4, 7, 'd')}`, ', contract, notNull', raising)
  const run = await job.run()
  expect(run.json, run.stderr).toMatchObject({
    rows_dead: 2,
    checks: [
      { rows: 3, failed: 0 },
      { rows: 3, failed: 1 },
    ],
  })
  const again = await job.cli('dlq', 'replay', 'out')
  expect(again.stdout + again.stderr).toContain('AssertionError')
  writeFileSync(`${job.path}/transforms.py`, transforms)
  expect((await job.cli('dlq', 'replay', 'out')).stdout).toContain('"check" -> "clicks" -> "cents": fine')
})

test('a rule of the job file is told in a dead letter as in the report', async () => {
  const rules = [
    `{ id: [between(2, null), oneOf(7, 8)], price: [between(null, 1.5), between(0.5, 1)], user: [notNull(), oneOf('b'), matches('z+')] }`,
    `unique('id', 'price')`,
    `lessThan('id', 'price')`,
    `atMost('id', 'price')`,
  ]
  const names = 'atMost, between, contract, lessThan, matches, notNull, oneOf, unique'
  const input = [line(1, 0.25, 'a'), line(1, 0.25, null), line(9, 2, 'zb')].join('\n')
  const job = await withJob(`.check(contract(${rules.join(', ')}))`, input, `, ${names}`)
  const run = await job.run()
  expect(run.json, run.stderr).toMatchObject({ rows_dead: 3 })
  const told = job
    .deadLetters()
    .map(letter => JSON.stringify(letter['error']))
    .join('\n')
  const [{ rules: counted }] = JSON.parse(JSON.stringify(run.json?.['checks']))
  expect(counted).toHaveLength(10)
  for (const { rule, failed } of counted) {
    expect(failed, rule).toBeGreaterThan(0)
    expect(told).toContain(JSON.stringify(rule).slice(1, -1))
  }
})
