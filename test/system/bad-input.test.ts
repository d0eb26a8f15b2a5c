/**
 * Mistakes of users, one after the other: each ends with the exit code of a mistake, one code, and words that name what
 * came and what to do. None of them shows a stack of ours, and none is called a mistake of ours.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Ended, runCli } from '../support/cli.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const transforms = `
import anabranch as ab

Row = ab.schema({"id": ab.int64, "x": ab.float64})

@ab.transform(inputs={"x": ab.float64}, outputs={"y": ab.float64})
def same(batch):
    return {"y": batch["x"]}
`
const imports = `import { files, job, json, nullSink } from 'anabranch'
import t from './transforms.anabranch.js'
`
const source = "job('bad').from(files('in/*.jsonl', json(t.Row)))"
const input = '{"id":1,"x":0.5}\n{"id":2,"x":1.5}\n'

const folderWith = (job: string, more: Readonly<Record<string, string | Uint8Array>> = {}): Promise<JobFolder> =>
  jobFolder({ 'job.ts': `${imports}${job}`, 'transforms.py': transforms, 'in/a.jsonl': input, ...more })

/** Nothing of the package's own files is in what a user reads. */
function expectWords(ended: Ended, expected: RegExp): void {
  expect(ended.stderr).toMatch(expected)
  expect(ended.stderr).not.toMatch(/\/(dist|src)\/|site-packages|anabranch\/_|mistake of anabranch/)
}

describe('a job file is refused before anything starts', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'one that throws a text',
      "throw 'no luck'",
      /^ANB1020 job file job\.ts threw the text "no luck" while it was imported\n {2}hint/,
    ],
    [
      'one that ends the process',
      'process.exit(0)',
      /^ANB1020 job file job\.ts ended the process, or awaits what never comes/,
    ],
    [
      'one that awaits what never comes',
      'await new Promise(() => {})',
      /^ANB1020 job file job\.ts ended the process, or awaits/,
    ],
    [
      'one with a promise that nobody awaits',
      `Promise.reject('no luck')\nexport default ${source}.to(nullSink())`,
      /^ANB1020 the job file threw after it was imported: .*"no luck"/,
    ],
    [
      'one that does not parse',
      'export default job(\n\nfoo bar',
      /^ANB1020 job file job\.ts could not be parsed: Expected "\)" but found "bar"\n {2}detail: .*job\.ts:5: /,
    ],
    [
      'one that imports a package that is not there',
      "import 'not-there-at-all'",
      /^ANB1020 .*package "not-there-at-all" does not exist\n.*\n {2}hint: {3}run: npm install not-there-at-all\n/,
    ],
    [
      'one whose own line throws',
      `const f = () => (null as any).x\nexport default f()`,
      /^ANB1020 .*TypeError: .*\n {2}detail: TypeError: .*\n +at f \(.*job\.ts:3:/,
    ],
    [
      'one with two jobs',
      `export default [${source}.to(nullSink()), job('b').from(files('in/*', json(t.Row))).to(nullSink())]`,
      /ANB1013 the job file exports two jobs, "bad" and "b"/,
    ],
    [
      'a schema that the types file does not have',
      `export default job('bad').from(files('in/*', json(t.Raw))).apply(t.same).to(nullSink())`,
      /^job\.ts:3 .*\nANB1017 files\(\.\.\.\) needs a schema to read json, but got none\n.*\n.*\n\nANB1000 job "bad" has a fault/,
    ],
  ]
  test.each(cases)('%s', async (_name, text, expected) => {
    const folder = await folderWith(text)
    const run = await folder.run()
    expect(run.code, run.stderr).toBe(2)
    expectWords(run, expected)
    expect(run.json).toHaveProperty('error.code')
  })
})

test('too many dead rows: where they lie stands in what the run says', async () => {
  const folder = await folderWith(
    "export default job('bad', { maxDead: 0 }).from(files('in/*', json(t.Row))).to(nullSink())",
    {
      'in/a.jsonl': '{"id":"one"}\n',
    },
  )
  const run = await folder.run()
  expect(run.code, run.stderr).toBe(1)
  expectWords(run, /^ANB2004 .*\n {2}detail: .*\n {2}hint: {3}look at out\/dead-letters: npx anabranch dlq list out; /m)
  expect((await folder.cli('dlq', 'list', 'out')).stdout).toContain('got the string "one"')
})

describe('a transform that cannot be run', () => {
  const moduleOf = (body: string): string =>
    `import anabranch as ab\nRow = ab.schema({"x": ab.float64})\n\n@ab.transform(inputs=Row, outputs={"y": ab.float64})\n${body}\n`

  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['a function that takes no batch', 'def f(): ...', /^ANB1011 function "f" cannot be called as f\(batch\)/m],
    [
      'an async generator',
      'async def f(batch): yield batch',
      /^ANB1011 function "f" is an async generator, expected async/m,
    ],
    [
      'two functions of one name',
      'def f(batch): ...\n\n@ab.filter(inputs=Row)\ndef f(batch): ...',
      /^ANB1012 t\.py has 2 functions "f", in lines 5 and 8\n/m,
    ],
    [
      'a type that is none',
      'def f(batch): ...\nBad = ab.schema({"x": int})',
      /^ANB1015 .*\n {2}detail: Traceback .*\n +File ".*t\.py", line 6, in <module>\n/m,
    ],
  ]
  test('types refuses it from the line of the user on', async () => {
    const folder = await jobFolder({})
    for (const [name, body, expected] of cases) {
      writeFileSync(join(folder.path, 't.py'), moduleOf(body))
      const said = await folder.cli('types', 't.py')
      expect([name, said.code]).toEqual([name, 2])
      expectWords(said, expected)
    }
  })

  test('a column of another type stops the job with the line to write, and without a frame of ours', async () => {
    const folder = await folderWith(`export default ${source}.apply(t.same).to(nullSink())`, {
      'transforms.py': transforms.replace('batch["x"]', '["a"] * len(batch)'),
    })
    const run = await folder.run()
    expect(run.code).toBe(1)
    expectWords(
      run,
      /^ANB2104 transform "same" returned column "y" as list of str, expected float64\n.*\n.*\n {2}hint: {3}cast in Python: "y": pc\.cast/m,
    )
  })

  test('a module that a worker cannot import is told with its name and its line', async () => {
    const text = `${transforms}\nimport os\nif os.path.exists("flag"): raise ValueError("no luck")\n`
    const folder = await folderWith(`export default ${source}.apply(t.same).to(nullSink())`, { 'transforms.py': text })
    writeFileSync(join(folder.path, 'flag'), '')
    const run = await folder.run()
    expect(run.code).toBe(2)
    expectWords(
      run,
      /^ANB1020 module transforms\.py could not be imported: ValueError: no luck\n {2}detail: Traceback .*\n +File ".*transforms\.py", line \d+, in <module>/m,
    )
  })
})

describe('words that the command cannot take', () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      'a number with a sign',
      ['run', 'job.ts', '--lanes', '-1'],
      /^ANB8003 --lanes must be a whole number of 1 to 32768, but it is "-1"\n/,
    ],
    ['an output folder without a name', ['run', 'job.ts', '--out', ''], /^ANB8003 --out needs the path of a folder/],
    ['a folder without a job', ['run', 'in'], /^ANB1013 folder in has no job\.ts\n/],
    [
      'a Python file for a job',
      ['run', 'transforms.py'],
      /^ANB1013 expected a job file in TypeScript, got transforms\.py\n/,
    ],
    [
      'types of a file that is not there',
      ['types', 'nothing.py'],
      /^ANB4001 expected a file to read, "nothing\.py" does not exist\n/,
    ],
    [
      'types of what is no Python',
      ['types', 'transforms.py', 'job.ts'],
      /^ANB8003 types takes Python files, but got "job\.ts"\n/,
    ],
    [
      'types from what is no Parquet',
      ['types', '--from', 'in/a.jsonl'],
      /^ANB4002 expected a Parquet file, "a\.jsonl" cannot be read as one: .*\n/,
    ],
  ]
  test('each is told in a line, and nothing is written', async () => {
    const folder = await folderWith(`export default ${source}.to(nullSink())`)
    for (const [name, args, expected] of cases) {
      const said = await runCli(args, { cwd: folder.path })
      expect([name, said.code, said.stdout]).toEqual([name, 2, ''])
      expectWords(said, expected)
    }
    expect(existsSync(join(folder.path, 'out'))).toBe(false)
  })

  test('an output folder that cannot be made is told with what is in the way', async () => {
    const folder = await folderWith(`export default ${source}.to(nullSink())`, { file: '' })
    for (const [out, expected] of [
      ['file', /^ANB4003 .*file already exists \(EEXIST\)\n {2}hint: {3}a file is in the way/],
      ['file/out', /^ANB4003 .*not a directory \(ENOTDIR\)\n {2}hint: {3}a file is in the way/],
      ['/proc/none/out', /^ANB4003 .*no such file or directory \(ENOENT\)/],
    ] as const) {
      const said = await runCli(['run', 'job.ts', '--out', out], { cwd: folder.path })
      expect([out, said.code]).toEqual([out, 1])
      expectWords(said, expected)
    }
  })

  test('where stdout cannot be written it is told, and where stderr cannot be written nothing happens', async () => {
    const folder = await folderWith(`export default ${source}.to(nullSink())`)
    const to = (redirect: string) => ({ cwd: folder.path, prefix: ['bash', '-c', `exec "$0" "$@" ${redirect}`] })
    const full = await runCli(['plan', 'job.ts'], to('>/dev/full'))
    expect(full.code).toBe(1)
    expectWords(full, /^ANB4003 could not write to stdout: ENOSPC/)
    const mute = await runCli(['run', 'job.ts', '--json'], to('2>/dev/full'))
    expect([mute.code, mute.json]).toMatchObject([0, { rows_in: 2, rows_out: 2 }])
  })
})

test('a second job in the folder of one that is not finished is refused with both ways out, however it begins', async () => {
  const jobOf = (name: string): string => `
import { files, job, json } from 'anabranch'
export default job('${name}').from(files('in.jsonl', json({ n: 'int64' }))).to(files.sink('${name}/', json()))
`
  const folder = await jobFolder({ 'job.ts': jobOf('first'), 'in.jsonl': '{"n":1}\n' })
  const died = await folder.start([], { env: { ANABRANCH_FAILPOINT: 'prepare.sync:after:1' } }).ended
  expect(died.signal, died.stderr).toBe('SIGKILL')
  writeFileSync(join(folder.path, 'job.ts'), jobOf('second'))
  for (const args of [[], ['--fresh']]) {
    const refused = await folder.run(...args)
    expect(refused.code, refused.stderr).toBe(1)
    expect(refused.stderr).toMatch(/ANB6013 state in \S+ is of job "first", not of "second"/)
    expect(refused.stderr).toContain('what "first" goes on from lies there, since it was not run to its end')
    expect(refused.stderr).toContain(
      'give another --out; or run "first" to its end there; or remove the folder if nobody needs it',
    )
  }
  writeFileSync(join(folder.path, 'job.ts'), jobOf('first'))
  const first = await folder.run()
  expect(first.code, first.stderr).toBe(0)
  expect(folder.rows('first')).toEqual([{ n: 1 }])
  writeFileSync(join(folder.path, 'job.ts'), jobOf('second'))
  const second = await folder.run()
  expect(second.code, second.stderr).toBe(0)
})
