/** The commands beside run: dev while files change, doctor on machines that lack something, and --json of each. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Started, runCli, startCli } from '../support/cli.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const transforms = `
import anabranch as ab
import pyarrow.compute as pc

Order = ab.schema({"item": ab.utf8, "qty": ab.int64})

@ab.transform(inputs={"qty": ab.int64}, outputs={"double": ab.int64})
def double(batch):
    return {"double": pc.multiply(batch["qty"], 2)}
`
const jobText = `
import { files, job, json } from 'anabranch'
import shop from './transforms.anabranch.js'

export default job('shop').from(files('in.jsonl', json(shop.Order))).apply(shop.double).to(files.sink('doubles/', json()))
`
const shop = (): Promise<JobFolder> =>
  jobFolder({ 'transforms.py': transforms, 'job.ts': jobText, 'in.jsonl': '{"item":"tea","qty":2}\n' })

describe('dev', () => {
  const start = (job: JobFolder): Started =>
    startCli(['dev', 'job.ts', '--out', 'out'], { cwd: job.path, env: { NODE_NO_WARNINGS: '1' } })
  /** At once, as an editor does it that writes beside the file: a machine that is busy would show `dev` the half of one. */
  const change = (job: JobFolder, name: string, text: string): void => {
    writeFileSync(join(job.path, `${name}.new`), text)
    renameSync(join(job.path, `${name}.new`), join(job.path, name))
  }
  const doubles = (job: JobFolder): unknown => job.rows('doubles').map(row => row['double'])
  const times = (count: number, text: string): RegExp => new RegExp(`(?:[\\s\\S]*${text}){${count}}`)

  test('a change of the transforms writes their types and runs the job again; Ctrl-C ends it with 130', async () => {
    const job = await shop()
    const dev = start(job)
    await dev.printed('dev: ended with 0')
    expect(doubles(job)).toEqual([4])

    change(job, 'transforms.py', transforms.replace(', 2)', ', 10)'))
    await dev.printed(times(2, 'dev: ended with 0'))
    expect(doubles(job)).toEqual([20])

    dev.child.kill('SIGINT')
    const { code, stderr } = await dev.ended
    expect(code).toBe(130)
    expect(stderr).toContain('dev: a file changed\ndev: wrote transforms.anabranch.ts')
  })

  test('mistakes are shown, in either language, and the change that mends them is run', async () => {
    const job = await shop()
    const dev = start(job)
    await dev.printed('dev: ended with 0')
    change(job, 'transforms.py', 'import nothing_of_that_name')
    await dev.printed(/ANB1020 .*ModuleNotFoundError[\s\S]*dev: ended with 2/)
    change(job, 'transforms.py', transforms)
    await dev.printed(times(2, 'dev: ended with 0'))
    change(job, 'job.ts', jobText.replace('shop.double', 'shop.triple'))
    await dev.printed(times(2, 'dev: ended with 2'))
    mkdirSync(join(job.path, 'more'))
    change(job, 'more/later.ts', 'export const later = 1\n')
    await dev.printed(times(3, 'dev: ended with 2'))
    change(job, 'job.ts', jobText)
    await dev.printed(times(3, 'dev: ended with 0'))
    dev.child.kill('SIGTERM')
    expect((await dev.ended).code).toBe(143)
  })

  test('a run that goes on is stopped by a change, at once', async () => {
    const job = await shop()
    const slow = transforms.replace(
      '    return',
      '    import time\n    print("began", flush=True)\n    time.sleep(600)\n    return',
    )
    writeFileSync(join(job.path, 'transforms.py'), slow)
    const dev = start(job)
    await dev.printed('began')
    change(job, 'transforms.py', transforms)
    await dev.printed('dev: ended with 0')
    dev.child.kill('SIGINT')
    expect((await dev.ended).code).toBe(130)
  })
})

describe('doctor', () => {
  test('where jobs can run it says so, with the versions, after a real worker said hello', async () => {
    const job = await shop()
    const said = await job.cli('doctor', '--json')
    expect(said.code, said.stdout).toBe(0)
    const names = ['system', 'node', 'disk', 'open files', 'mapping', 'run folder', 'python', 'worker']
    expect(findings(said.json).map(each => each['name'])).toEqual(names)
    expect(found(said.json, 'worker')).toMatch(/^said hello after \d+ ms, anabranch \d+\.\d+\.\d+$/)
    const plain = await job.cli('doctor')
    expect([plain.stdout.split('\n').length, plain.stderr]).toEqual([names.length + 1, 'jobs can run here\n'])
  })

  test.each([
    ['python', { ANABRANCH_PYTHON: '/nowhere/python' }, [], 'run: npx anabranch setup'],
    ['run folder', { XDG_RUNTIME_DIR: '/nowhere', TMPDIR: '/proc' }, [], 'set XDG_RUNTIME_DIR'],
    ['open files', {}, ['/bin/sh', '-c', 'ulimit -n 200; exec "$0" "$@"'], 'raise it: ulimit -n 4096'],
  ])('a %s that will not do is named with what to do, and the exit code is 2', async (name, env, prefix, hint) => {
    const job = await shop()
    const said = await runCli(['doctor', '--json'], { cwd: job.path, env, prefix })
    expect(said.code).toBe(2)
    const finding = findings(said.json).find(each => each['name'] === name)
    expect(finding).toMatchObject({ verdict: 'broken', hint: expect.stringContaining(hint) })
  })

  const findings = (json: Readonly<Record<string, unknown>> | undefined): readonly Record<string, unknown>[] =>
    Array.isArray(json?.['findings']) ? json['findings'] : []
  const found = (json: Readonly<Record<string, unknown>> | undefined, name: string): unknown =>
    findings(json).find(each => each['name'] === name)?.['found']
})

describe('--json', () => {
  const cases: readonly (readonly [readonly string[], unknown])[] = [
    [['types', 'transforms.py'], { files: [{ file: 'transforms.anabranch.ts', schemas: 1, functions: 1 }] }],
    [['types', 'transforms.py', '--check'], { files: [{ file: 'transforms.anabranch.ts' }] }],
    [['lint', 'job.ts'], { job: 'shop', faults: [] }],
    [['explain', 'ANB2104'], { code: 'ANB2104', title: 'transform returned a column of another type' }],
    [['version'], { version: expect.stringMatching(/^\d/), node: process.versions.node }],
    [['help', 'run'], { commands: [{ name: 'run', usage: expect.stringContaining('run JOB.ts') }] }],
  ]
  test.each(cases)('%s answers one object on stdout', async (args, expected) => {
    const job = await shop()
    const said = await job.cli(...args, '--json')
    expect(said.code, said.stderr).toBe(0)
    expect(said.json).toMatchObject(Object(expected))
    expect(said.stdout.trimEnd().split('\n')).toHaveLength(1)
  })

  test.each([['plan', 'no.ts'], ['types', 'no.py'], ['setup', 'nowhere'], ['explain', 'ANB9999'], ['dev']])(
    'what %s refuses is an object too, with code and hint',
    async (...args) => {
      const job = await shop()
      const said = await job.cli(...args, '--json')
      expect(said.code).toBe(2)
      expect(said.json).toMatchObject({ error: { code: expect.stringMatching(/^ANB/), hint: expect.any(String) } })
    },
  )
})

test('a folder that another run has is a matter of time: exit code 75', async () => {
  const job = await shop()
  writeFileSync(
    join(job.path, 'transforms.py'),
    transforms.replace(
      '    return',
      '    import time\n    print("began", flush=True)\n    time.sleep(600)\n    return',
    ),
  )
  await job.cli('types', 'transforms.py')
  const first = job.start([])
  await first.printed('began')
  const second = await job.run()
  expect([second.code, second.json]).toMatchObject([75, { error: { code: 'ANB4007' } }])
  first.child.kill('SIGTERM')
  await first.printed('finishing what was read')
  first.child.kill('SIGTERM')
  expect((await first.ended).code).toBe(143)
  expect(existsSync(join(job.path, 'out', '.lock'))).toBe(false)
})
