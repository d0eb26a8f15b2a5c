/**
 * The examples do what their `expected/` folders say: `first` to the byte, `flights` row by row against plain loops over
 * the same input (test/support/flights_oracle.py). What their README.md shows is held by readme.test.ts.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { repository } from '../support/repository.js'
import { runFolder } from '../support/run-folder.js'

const data = join(repository, 'node_modules', 'vega-datasets', 'data')

/** Every file below a folder with its text. */
function filesOf(folder: string): Readonly<Record<string, string>> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const names = paths.map(entry => join(entry.parentPath, entry.name))
  return Object.fromEntries(names.sort().map(name => [name.slice(folder.length + 1), readFileSync(name, 'utf8')]))
}

describe('the examples', () => {
  test('first writes exactly the bills and the dead letter of its expected folder', async () => {
    const out = mkdtempSync(join(runFolder().jobs, 'first'))
    const run = await runCli(['run', 'examples/first/job.ts', '--json', '--out', out], { cwd: repository })
    expect(run.stderr).toContain('rows dead 1')
    expect(run).toMatchObject({ code: 0, json: { rows_in: 4, rows_out: 3, rows_dead: 1 } })
    const expected = join(repository, 'examples', 'first', 'expected')
    for (const sink of ['bills', 'dead-letters'])
      expect(filesOf(join(out, sink))).toEqual(filesOf(join(expected, sink)))
  })

  test('own-connector writes exactly the table of its expected folder, and plan says what it promises', async () => {
    const out = mkdtempSync(join(runFolder().jobs, 'own'))
    const job = 'examples/own-connector/job.ts'
    const run = await runCli(['run', job, '--json', '--out', out], { cwd: repository })
    expect(run.code, run.stderr).toBe(0)
    const outputs = [{ sink: 'markdown', path: join(out, 'slow.md'), rows: 2 }]
    expect(run.json).toMatchObject({ rows_in: 4, rows_out: 2, rows_dead: 0, outputs })
    const expected = readFileSync(join(repository, 'examples/own-connector/expected/slow.md'), 'utf8')
    expect(readFileSync(join(out, 'slow.md'), 'utf8')).toBe(expected)
    const plan = await runCli(['plan', job], { cwd: repository })
    expect(plan.stdout).toMatch(/logfmt -> markdown +exactly once per finished run/)
  })

  test('python-sink stores each order once, where a host is killed between the rows and its marker too', async () => {
    const folder = mkdtempSync(join(runFolder().jobs, 'sink'))
    const database = join(folder, 'orders.db')
    const args = [
      'run',
      'examples/python-sink/job.ts',
      '--json',
      '--out',
      join(folder, 'out'),
      '--set',
      `database=${database}`,
    ]
    const died = await runCli(args, { cwd: repository, env: { ANABRANCH_FAILPOINT: 'sink.commit:after:1' } })
    expect(died.signal, died.stderr).toBe('SIGKILL')
    const run = await runCli(args, { cwd: repository })
    expect(run.code, run.stderr).toBe(0)
    const ask = (query: string): unknown => JSON.parse(python('-c', asking, database, query))
    expect(ask('SELECT item, qty FROM orders ORDER BY item')).toEqual([
      ['lamp', 1],
      ['rope', 2],
      ['tent', 1],
    ])
    expect(ask('SELECT key FROM taken')).toEqual([[expect.stringMatching(/^python-sink\/[0-9a-f]{16}\/store\/1\/1$/)]])
  })

  test('model asks its model for every flight, and says how long a call took', async () => {
    const out = mkdtempSync(join(runFolder().jobs, 'model'))
    const run = await runCli(['run', 'examples/model/job.ts', '--out', out], { cwd: repository })
    expect(run.code, run.stderr).toBe(0)
    expect(run.stderr).toContain('predictions: 200,000 rows')
    const [, calls = 0, p50 = 0, p99 = 0] = (
      /^model: (\d+) calls, p50 ([\d.]+) ms, p99 ([\d.]+) ms$/m.exec(run.stderr) ?? []
    ).map(Number)
    expect(calls).toBeGreaterThanOrEqual(Math.ceil(200_000 / 32_768))
    expect(p50).toBeGreaterThan(0)
    expect(p99).toBeGreaterThanOrEqual(p50)
  })

  const loop = 'flights gives to the bit what a plain loop over the three million flights gives'
  test(loop, { timeout: 600_000 }, async () => {
    const out = mkdtempSync(join(runFolder().jobs, 'flights'))
    const run = await runCli(['run', 'examples/flights/job.ts', '--json', '--out', out], {
      cwd: repository,
      timeoutMs: 400_000,
    })
    expect(run.code, run.stderr).toBe(0)
    const oracle = join(repository, 'test', 'support', 'flights_oracle.py')
    const found: { expected: Expected; different: readonly string[] } = JSON.parse(
      python(oracle, join(data, 'flights-3m.parquet'), join(data, 'airports.csv'), out),
    )
    const expected: Expected = JSON.parse(
      readFileSync(join(repository, 'examples/flights/expected/summary.json'), 'utf8'),
    )
    expect(found).toEqual({ expected, different: [] })
    const { rows_in, rows_dead, dead_by_reason, airports } = expected
    const rows_out = rows_in - rows_dead + airports
    expect(run.json).toMatchObject({ rows_in, rows_dead, rows_out, dead_by_reason })
    const report = python(join(repository, 'examples/flights/report.py'), out)
    for (const { origin, flights } of expected.busiest)
      expect(report).toContain(`${origin}${flights.toLocaleString('en').padStart(10)}`)
  })
})

interface Expected {
  readonly rows_in: number
  readonly rows_dead: number
  readonly airports: number
  readonly dead_by_reason: Readonly<Record<string, number>>
  readonly busiest: readonly { readonly origin: string; readonly flights: number }[]
}

/** The rows that a query of SQLite gives, as JSON. */
const asking =
  'import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))'

function python(...args: readonly string[]): string {
  return execFileSync(join(repository, '.venv', 'bin', 'python'), args, { encoding: 'utf8' })
}
