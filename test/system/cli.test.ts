/**
 * The command as a user types it: what it answers on stdout and stderr, its exit codes, signals, and job files in all
 * the folders that they may lie in.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.js'
import { jobFolder } from '../support/job-folder.js'

const transforms = `
import anabranch as ab
import pyarrow.compute as pc

Order = ab.schema({"item": ab.utf8, "price": ab.float64, "qty": ab.int64})

@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
def bill(batch):
    """What each order comes to."""
    return {"total": pc.multiply(batch["price"], batch["qty"])}

@ab.filter(inputs={"qty": ab.int64})
def many(batch):
    return pc.greater(batch["qty"], ab.context().params["limit"])
`
const input =
  '{"item":"tea","price":2.5,"qty":2}\n{"item":"nut","price":1,"qty":"x"}\n{"item":"oil","price":4,"qty":5}\n'
const jobText = `
import { files, job, json } from 'anabranch'
import shop from './transforms.anabranch.js'

export default job('shop', { params: { limit: 1 } })
  .from(files('in.jsonl', json(shop.Order)))
  .filter(shop.many)
  .apply(shop.bill)
  .to(files.sink('bills/', json()))
`
const shop = () => jobFolder({ 'transforms.py': transforms, 'in.jsonl': input, 'job.ts': jobText })

describe('run', () => {
  test('stdout has one line with --json and nothing without; the summary is on stderr', async () => {
    const job = await shop()
    const run = await job.run()
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(run.json).toMatchObject({ rows_in: 3, rows_out: 2, rows_dead: 1, outputs: [{ sink: 'bills', rows: 2 }] })
    expect(job.rows('bills').map(row => row['total'])).toEqual([5, 20])

    const plain = await job.cli('run', 'job.ts')
    expect([plain.code, plain.stdout]).toEqual([0, ''])
    expect(plain.stderr).toMatch(/job "shop" done in .*rows in +3\n.*rows out +2\n.*rows dead +1\n/s)
    expect(existsSync(join(job.path, 'out', 'shop', 'bills'))).toBe(true)
  })

  test('--set changes a parameter, by the type that the job gives it', async () => {
    const job = await shop()
    expect((await job.run('--set', 'limit=4')).json).toMatchObject({ rows_out: 1 })
    const wrong = await job.run('--set', 'limit=many', '--set', 'limt=1')
    expect([wrong.code, wrong.json?.['error']]).toMatchObject([2, { code: 'ANB1014' }])
    expect(wrong.stderr).toContain('did you mean "limit"?')
  })

  test('--input reads a source from another file, and --write keeps what every sink gets in the output folder', async () => {
    const job = await shop()
    writeFileSync(join(job.path, 'other.jsonl'), '{"item":"rope","price":4.5,"qty":2}\n')
    const run = await job.run('--input', 'files=other.jsonl', '--write', 'json')
    expect(run.json, run.stderr).toMatchObject({ rows_in: 1, rows_out: 1 })
    expect(job.rows('sinks/bills')).toEqual([{ item: 'rope', price: 4.5, qty: 2, total: 9 }])

    for (const [words, code] of [
      [['--input', 'file=other.jsonl'], 'ANB1017'],
      [['--input', 'other.jsonl'], 'ANB8003'],
      [['--write', 'csv'], 'ANB8003'],
    ] as const) {
      const wrong = await job.run(...words)
      expect([wrong.code, wrong.json?.['error']]).toMatchObject([2, { code }])
    }
  })

  test('a job file runs in a folder without package.json or node_modules, and without type module', async () => {
    const job = await shop()
    rmSync(join(job.path, 'node_modules'), { recursive: true })
    rmSync(join(job.path, 'package.json'))
    expect((await job.run()).code).toBe(0)
    writeFileSync(join(job.path, 'package.json'), '{}')
    const again = await runCli(['run', job.path, '--json', '--out', join(job.path, 'again')], { cwd: '/' })
    expect(again.code, again.stderr).toBe(0)
  })

  test('a transform that breaks its contract is told with its own line first, and what Python says to do', async () => {
    const job = await shop()
    writeFileSync(join(job.path, 'transforms.py'), transforms.replace('batch["price"]', 'batch["prize"]'))
    await job.cli('types', 'transforms.py')
    const run = await job.run()
    expect([run.code, run.json]).toMatchObject([1, { error: { code: 'ANB2109' } }])
    expect(run.stderr).toMatch(
      /^transforms\.py:10 {2}return \{"total".*\nANB2109 transform "bill" asked for column "prize", which it does not declare\n/m,
    )
    expect(run.stderr).toContain(
      'hint:   declare it, with its type: inputs={..., "prize": ab.int64}; declared are price, qty',
    )
    expect(run.stderr).not.toContain('_batch.py')
  })

  test('branches that are written as statements all run, and a job may print a summary of its own', async () => {
    const job = await shop()
    writeFileSync(
      join(job.path, 'job.ts'),
      `import { files, job, json } from 'anabranch'
import shop from './transforms.anabranch.js'
const orders = job('shop', { params: { limit: 1 } }).from(files('in.jsonl', json(shop.Order)))
orders.select('item').to(files.sink('items/', json()))
export default orders.apply(shop.bill).to(files.sink('bills/', json()))
export const summary = (run: { rowsIn: number }) => \`of \${run.rowsIn} orders\`
`,
    )
    const run = await job.run()
    expect(run.code, run.stderr).toBe(0)
    expect([job.rows('items').length, job.rows('bills').length]).toEqual([2, 2])
    expect(run.stderr).not.toContain('of 3 orders')
    expect((await job.cli('run', 'job.ts')).stderr).toContain('of 3 orders')
  })
})

describe('what cannot run is refused with exit code 2 and words, before anything starts', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'a job file that exports no job',
      'export default 1',
      /ANB1013 job file job\.ts must export a job as default, but it exports a number/,
    ],
    ['a job file that does not parse', 'export default (', /ANB1020 job file job\.ts could not be parsed/],
    [
      'a job file that throws',
      "throw new Error('no luck')",
      /ANB1020 .*no luck\n {2}detail: Error: no luck\n +at .*job\.ts:1:7/,
    ],
    ['an import that does not exist', "import './nothing.js'", /ANB1020 .*nothing\.js/],
    [
      'a types file that was never written',
      "import x from './other.anabranch.js'\nx()",
      /ANB1009 .*\n.*\n {2}hint: +run: npx anabranch types other\.py/,
    ],
    [
      'a job with two mistakes, each with its line',
      jobText.replace("'in.jsonl'", "''").replace("'bills/'", "'../bills/'"),
      /job\.ts:6 {2}\.from\(files\('', json\(shop\.Order\)\)\)\nANB1017 [\s\S]*job\.ts:9 {2}\.to\([\s\S]*ANB4005 [\s\S]*job "shop" has 2 faults; nothing was started/,
    ],
  ]
  test.each(cases)('%s', async (_name, text, expected) => {
    const job = await shop()
    writeFileSync(join(job.path, 'job.ts'), text)
    const run = await job.run()
    expect(run.code, run.stderr).toBe(2)
    expect(run.stderr).toMatch(expected)
    expect(run.json).toHaveProperty('error.code')
    expect(existsSync(join(job.path, 'out'))).toBe(false)
  })

  test('a types file that is stale; plan and lint see it too, without Python', async () => {
    const job = await shop()
    writeFileSync(join(job.path, 'transforms.py'), `${transforms}\n# changed\n`)
    for (const command of ['run', 'plan', 'lint']) {
      const said = await runCli([command, 'job.ts'], { cwd: job.path, env: { ANABRANCH_PYTHON: '/nowhere/python' } })
      expect([command, said.code]).toEqual([command, 2])
      expect(said.stderr).toMatch(
        /ANB1009 transforms\.anabranch\.ts was not written .*\n.*\n?.*npx anabranch types transforms\.py/,
      )
    }
    expect((await job.cli('types', 'transforms.py', '--check')).code).toBe(2)
    expect((await job.cli('types', 'transforms.py')).code).toBe(0)
    expect((await job.cli('types', 'transforms.py', '--check')).code).toBe(0)
    expect((await job.run()).code).toBe(0)
  })

  const usages: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no job', ['run'], /ANB8003 run needs a job file/],
    ['two jobs', ['run', 'a.ts', 'b.ts'], /ANB8003 run takes one job file, but got 2/],
    [
      'an unknown option',
      ['run', 'job.ts', '--wrkers', '2'],
      /ANB8003 there is no option --wrkers; did you mean --workers\?/,
    ],
    [
      'a number that is none',
      ['run', 'job.ts', '--workers', 'many'],
      /--workers takes a whole number of 1 to 256, or two such as 1..8/,
    ],
    ['a job file that is not there', ['run', 'nothing.ts'], /ANB1013 job file nothing\.ts does not exist/],
    ['a command that is not there', ['rum'], /ANB8003 there is no command "rum"\n {2}hint: +did you mean run\?/],
    ['a code that is not there', ['explain', 'ANB9999'], /there is no code "ANB9999"/],
    ['no Python', ['run', 'job.ts'], /ANB8001 /],
  ]
  test.each(usages)('%s', async (name, args, expected) => {
    const job = await shop()
    const env = name === 'no Python' ? { ANABRANCH_PYTHON: '/nowhere/python' } : {}
    const said = await runCli(args, { cwd: job.path, env })
    expect(said.code, said.stderr).toBe(2)
    expect([said.stdout, said.stderr]).toEqual(['', expect.stringMatching(expected)])
  })
})

describe('types', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'that does not import',
      'import nothing_of_that_name',
      /ANB1020 .*ModuleNotFoundError.*\n {2}detail: Traceback[\s\S]*t\.py", line 1/,
    ],
    ['that does not parse', 'def f(:', /ANB1020 .*SyntaxError/],
    ['that ends the process', 'import os; os._exit(3)', /ANB1020 Python ended while it imported/],
    ['that exits', 'import sys; sys.exit(0)', /ANB1020 .*SystemExit/],
    ['that crashes', 'import ctypes; ctypes.string_at(0)', /ANB1020 Python ended while it imported/],
    [
      'with two functions that have one name in TypeScript',
      'import anabranch as ab\n@ab.filter(inputs={})\ndef a_b(b): ...\n@ab.filter(inputs={})\ndef aB(b): ...',
      /ANB1012 function "aB" and function "a_b" are both "aB" in TypeScript/,
    ],
  ]
  test.each(cases)('a module %s is refused with words', async (_name, text, expected) => {
    const job = await jobFolder({ 't.py': text })
    const said = await job.cli('types', 't.py')
    expect(said.code, said.stderr).toBe(2)
    expect(said.stderr).toMatch(expected)
    expect(existsSync(join(job.path, 't.anabranch.ts'))).toBe(false)
  })

  test('what a module prints is on stderr, not in the file', async () => {
    const job = await jobFolder({ 't.py': `import os\nprint("hello")\nos.system("echo from a shell")\n${transforms}` })
    const said = await job.cli('types', 't.py')
    expect([said.code, said.stdout]).toEqual([0, ''])
    expect(readFileSync(join(job.path, 't.anabranch.ts'), 'utf8')).not.toContain('hello')
  })
})

test('plan, explain, version and help answer on stdout', async () => {
  const job = await shop()
  expect((await job.cli('plan', 'job.ts')).stdout).toContain('files -> bills  exactly once')
  expect((await job.cli('plan', 'job.ts', '--json', '--set', 'limit=9')).stdout).toContain('"limit": 9')
  expect((await job.cli('plan', 'job.ts', '--graph')).stdout).toMatch(/^graph LR\n/)
  expect((await job.cli('lint', 'job.ts', '--json')).stdout).toBe('{"job":"shop","faults":[]}\n')
  expect((await job.cli('explain', 'anb2104')).stdout).toMatch(
    /^ANB2104 transform returned a column of another type\n {2}hint: /,
  )
  expect((await job.cli('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect((await job.cli('run', '--help')).stdout).toMatch(/--batch-rows N/)
  expect((await job.cli('help')).stdout).toMatch(/\n {2}run +/)
})

describe('Ctrl-C', () => {
  /** A server that sends one order and keeps the connection open. */
  async function socketJob() {
    const job = await jobFolder({ 'transforms.py': transforms })
    mkdirSync(join(job.path, 's'))
    const address = join(job.path, 's', 'in')
    const server = createServer(socket =>
      socket.on('error', () => undefined).write('{"item":"tea","price":2,"qty":3}\n'),
    )
    await new Promise<void>(resolve => server.listen(address, resolve))
    writeFileSync(
      join(job.path, 'job.ts'),
      `import { files, job, json, socket } from 'anabranch'
import shop from './transforms.anabranch.js'
export default job('live').from(socket('unix://${address}', json(shop.Order))).apply(shop.bill).to(files.sink('bills/', json()))
`,
    )
    return { job, server }
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s: the first one finishes what was read: a stream without an end is done',
    async signal => {
      const { job, server } = await socketJob()
      const started = startCli(['run', 'job.ts', '--json', '--out', 'out'], { cwd: job.path })
      const ready = new Promise<void>(resolve => server.once('connection', () => resolve()))
      await ready
      started.child.kill(signal)
      const run = await started.ended
      server.close()
      expect(run.code, run.stderr).toBe(0)
      expect(run.json).toMatchObject({ drained: true })
      expect(run.json?.['rows_in']).toBe(run.json?.['rows_out'])
    },
  )

  const slowly = transforms.replace(
    '    return pc.greater(',
    '    print("begun", flush=True)\n    time.sleep(ab.context().params["wait"])\n    return pc.greater(',
  )

  // It ended as finished, so a Ctrl-C a moment after the start replaced a whole output by nothing.
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s: an input that was not read to its end replaces no finished output, and the next run goes on there',
    async (signal, code) => {
      const job = await jobFolder({
        'transforms.py': `import time\n${slowly}`,
        'in.jsonl': '{"item":"tea","price":2.5,"qty":2}\n'.repeat(20_000),
        'job.ts': jobText.replace('{ limit: 1 }', '{ limit: 1, wait: 0 }'),
      })
      expect((await job.run()).json).toMatchObject({ rows_out: 20_000 })
      const started = job.start(['--batch-rows', '10', '--workers', '1', '--set', 'wait=0.02'])
      await started.printed('begun')
      started.child.kill(signal)
      const run = await started.ended
      expect(run.code, run.stderr).toBe(code)
      expect(run.json).toMatchObject({ drained: true, finished: false, rows_out: 0 })
      expect(run.stderr).toContain('job "shop" not finished')
      expect(job.rows('bills')).toHaveLength(20_000)
      const next = await job.run()
      expect(next.json, next.stderr).toMatchObject({ rows_in: 20_000, rows_out: 20_000 })
      expect(job.rows('bills')).toHaveLength(20_000)
      expect(readdirSync(join(job.path, 'out')).sort()).toEqual(['bills', 'state'])
    },
  )
})
