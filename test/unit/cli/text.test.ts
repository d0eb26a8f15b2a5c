import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ContractError, PlanError } from '../../../src/base/index.js'
import { type Command, usageError, wholeOption, wordsOf } from '../../../src/cli/command.js'
import { isWorthALine, progressLine, short, time } from '../../../src/cli/progress.js'
import { pythonCandidates } from '../../../src/runtime/index.js'
import { errorJson, renderError } from '../../../src/cli/render.js'
import { summaryJson, summaryText } from '../../../src/cli/summary.js'
import { type Progress, type RunResult } from '../../../src/runtime/index.js'

const command: Pick<Command, 'name' | 'usage'> = { name: 'run', usage: 'run JOB.ts' }

describe('words that do not fit are refused with the usage', () => {
  const refusal = (work: () => unknown): string => {
    try {
      work()
    } catch (error) {
      if (error instanceof PlanError) return `${error.code} ${error.message} | ${error.hint}`
    }
    return 'accepted'
  }
  test('an unknown option', () => {
    expect(refusal(() => wordsOf(command, ['--wrkers', '2'], { workers: { type: 'string' } }))).toMatch(
      /^ANB8003 there is no option --wrkers; did you mean --workers\? \| usage: npx anabranch run JOB\.ts$/,
    )
  })
  for (const value of ['0', '-1', '1.5', 'x', '', '257', '1e1']) {
    test(`--workers ${value}`, () => {
      expect(refusal(() => wholeOption(command, 'workers', value, { least: 1, most: 256 }))).toContain(
        `--workers must be a whole number of 1 to 256, but it is "${value}"`,
      )
    })
  }
  test('an option that the message begins with, by what help says of it; of a long usage help has the rest', () => {
    const options = [
      '--workers N      most processes at once',
      '--workers 1..8   the same by load',
      '--work        none',
    ]
    const long = { usage: 'run JOB.ts [--json] ...', options }
    expect(refusal(() => wholeOption(long, 'workers', 'x', { least: 1, most: 8 }))).toContain(
      '| --workers N: most processes at once; --workers 1..8: the same by load',
    )
    expect(usageError(long, 'run needs a job file').hint).toBe(
      'usage: npx anabranch run JOB.ts [--json] ...; all options: npx anabranch help run',
    )
  })
  test('a number in range, or none, is taken', () => {
    const range = { least: 1, most: 256 }
    expect([wholeOption(command, 'workers', '8', range), wholeOption(command, 'workers', undefined, range)]).toEqual([
      8,
      null,
    ])
  })
})

describe('an error reads', () => {
  test('the line of the user first, then the code, the thing and what to do', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cli-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'job.ts'), 'import x\n  .apply(f)\n')
    const faults = [
      { code: 'ANB1001', message: 'no column "a"', place: 'job.ts:2, operator "f"', hint: 'did you mean "b"?' },
      { code: 'ANB1006', message: 'no sink', place: 'job "x"', hint: 'add one' },
    ] as const
    expect(renderError(new PlanError('ANB1000', 'job "x" has 2 faults', { faults }), folder)).toBe(
      `job.ts:2  .apply(f)
ANB1001 no column "a"
  at:     operator "f"
  hint:   did you mean "b"?

job "x"
ANB1006 no sink
  hint:   add one

ANB1000 job "x" has 2 faults; nothing was started`,
    )
  })
  test('with its detail and hint where it has no faults', () => {
    const error = new ContractError('ANB2104', 'wrong type', { detail: 'one\ntwo', hint: 'cast' })
    expect(renderError(error, null)).toBe('ANB2104 wrong type\n  detail: one\n          two\n  hint:   cast')
    expect(errorJson(error)).toEqual({
      class: 'ContractError',
      code: 'ANB2104',
      message: 'wrong type',
      detail: 'one\ntwo',
      hint: 'cast',
    })
  })
  test('with the line of Python that does not parse above it', () => {
    const detail =
      '  File "/shop/transforms.py", line 9\n    def bill(batch)\n                   ^\nSyntaxError: expected \':\''
    expect(renderError(new PlanError('ANB1020', 'no module', { detail, hint: 'mend it' }), null)).toMatch(
      /^transforms[.]py:9 {2}def bill[(]batch[)]\nANB1020 no module\n/,
    )
  })
  test('as a mistake of ours where it is none of the known ones', () => {
    expect(renderError(new TypeError('x is not a function'), null)).toContain('a mistake of anabranch itself')
  })
})

describe('progress is one line that fits', () => {
  const progress = {
    rowsIn: 1_500_000,
    rowsOut: 0,
    rowsDead: 0,
    done: 0.5,
    seconds: 10,
    rowsPerSecond: 150_000,
    workers: 2,
  }
  const cases = [
    [progress, 100, '[###############...............]  50 %  1.5 M rows  150.0 k rows/s  10 s  2 workers  10 s left'],
    [progress, 40, ' 50 %  1.5 M rows  150.0 k rows/s  10 s  2 workers  10 s left'],
    [{ ...progress, done: null, rowsDead: 3, workers: 1 }, 100, '1.5 M rows  150.0 k rows/s  10 s  3 dead  1 worker'],
    [
      { ...progress, done: 0, rowsIn: 0, seconds: 0, rowsPerSecond: 0, workers: 0 },
      80,
      '[..............................]   0 %  0 rows  0 rows/s  0.0 s',
    ],
  ] as const
  for (const [given, width, expected] of cases) test(expected, () => expect(progressLine(given, width)).toBe(expected))

  test('where lines stay there is one every 10 s, and one a minute while nothing comes', () => {
    const at = (seconds: number, rowsIn: number): Progress => ({ ...progress, seconds, rowsIn })
    expect([9, 10].map(seconds => isWorthALine(at(seconds, 5), null))).toEqual([false, true])
    expect([19, 20].map(seconds => isWorthALine(at(seconds, 6), at(10, 5)))).toEqual([false, true])
    expect([20, 69, 70].map(seconds => isWorthALine(at(seconds, 5), at(10, 5)))).toEqual([false, false, true])
  })

  test('numbers and times are short', () => {
    expect([0, 999, 1_000, 12_345_678, 2e9].map(short)).toEqual(['0', '999', '1.0 k', '12.3 M', '2.0 G'])
    expect([0.25, 59, 61, 3_700].map(time)).toEqual(['0.3 s', '59 s', '1 min 1 s', '1 h 1 min'])
  })
})

const result: RunResult = {
  rowsIn: 3_000_000,
  rowsBefore: 0,
  rowsOut: 2_999_998,
  rowsDead: 2,
  deadByReason: { 'no such day': 2 },
  seconds: 2,
  restarts: 0,
  flowSeconds: 1.5,
  outputs: [
    { sink: 'flights', path: '/data/out/x/flights/part-0.parquet', rows: 2_000_000 },
    { sink: 'flights', path: '/data/out/x/flights/part-1.parquet', rows: 999_998 },
    { sink: 'live', path: 'tcp://h:1', rows: 1 },
  ],
  checksums: {},
  counters: {},
  checks: [],
  epochs: null,
  resumable: false,
  drained: false,
  end: 'finished',
}

test('the summary says how many rows went where, and why some are dead', () => {
  expect(summaryText(result, { job: 'x', out: '/data/out/x', cwd: '/data' })).toBe(
    `job "x" done in 2.0 s, 1,500,000 rows/s
  rows in   3,000,000
  rows out  2,999,998
  rows dead         2
            2  no such day
  dead letters in out/x/dead-letters: npx anabranch dlq list out/x
  flights: 2,999,998 rows in out/x/flights/part-0.parquet and 1 more
  live: 1 row in tcp://h:1`,
  )
  const stopped = (resumable: boolean): string =>
    summaryText({ ...result, drained: true, resumable }, { job: 'x', out: '/o', cwd: '/' })
  expect(stopped(false)).toContain('stopped after it had finished what was read\n')
  expect(stopped(true)).toContain('stopped with an epoch that holds all that counts here\n')
})

test('the rate of a run that went on is that of its own rows, and JSON says how many runs before it had read', () => {
  const wentOn = { ...result, rowsBefore: 2_999_000 }
  expect(summaryText(wentOn, { job: 'x', out: '/o', cwd: '/' })).toContain('job "x" done in 2.0 s, 500 rows/s\n')
  expect(summaryJson(wentOn)).toMatchObject({ rows_in: 3_000_000, rows_before: 2_999_000 })
  expect(summaryJson(result)).not.toHaveProperty('rows_before')
})

test('the summary has a line for each rule of a check', () => {
  const rules = [
    { rule: 'price must not be null', failed: 1_200, ratio: 0.3 },
    { rule: 'id must be unique', failed: 0, ratio: 0 },
  ]
  const checks = [{ check: 'good', rows: 4_000, failed: 1_200, rules }]
  expect(summaryText({ ...result, checks }, { job: 'x', out: '/o', cwd: '/' })).toContain(`
  check "good": 1,200 of 4,000 rows failed
    1,200  30.00 %  price must not be null
        0   0.00 %  id must be unique`)
})

test('the JSON summary has the names that are fixed', () => {
  expect(Object.keys(summaryJson(result)).slice(0, 5)).toEqual([
    'rows_in',
    'rows_out',
    'rows_dead',
    'seconds',
    'outputs',
  ])
})

test('the JSON summary has the facts of epochs: of a hundred cuts the last but one is the 99th', () => {
  const cutsMs = Array.from({ length: 100 }, (_, i) => i + 1)
  const epochs = {
    count: 100,
    cutsMs,
    bytesWritten: 30,
    bytesChanged: 10,
    bytesBeyond: 20,
    resumedFrom: 7,
    openMs: 3,
    restoreMs: 4,
  }
  expect(summaryJson({ ...result, epochs })['epochs']).toEqual({
    count: 100,
    cut_ms_p50: 50,
    cut_ms_p99: 99,
    cut_ms_max: 100,
    bytes_written: 30,
    bytes_changed: 10,
    bytes_beyond: 20,
    resumed_from: 7,
    open_ms: 3,
    restore_ms: 4,
  })
  expect(summaryJson(result)['epochs']).toBeNull()
})

test('Python: the one that is named alone; else the nearest virtual environment, the job before here', () => {
  expect(pythonCandidates('/a/job', '/b', { ANABRANCH_PYTHON: '/usr/bin/python3' })).toEqual(['/usr/bin/python3'])
  const found = pythonCandidates('/a/job', '/b', { ANABRANCH_PYTHON: '' })
  expect(found.slice(0, 4)).toEqual(['/a/job', '/a', '', '/b'].map(folder => `${folder}/.venv/bin/python`))
  expect(found.at(-1)).toBe('python3')
})
