/** Dead letters and captured calls as a person works on them: list, show, replay, mend, compare, make a test, throw away. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type JobFolder, jobFolder } from '../support/job-folder.js'
import { repository } from '../support/repository.js'

const python = join(repository, '.venv', 'bin', 'python')

const transforms = `
import anabranch as ab

Order = ab.schema({"user": ab.utf8, "price": ab.float64, "qty": ab.int64})


@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"each": ab.float64})
def share(batch):
    prices, quantities = batch["price"].to_pylist(), batch["qty"].to_pylist()
    return {"each": [ab.context().params["factor"] * p / q for p, q in zip(prices, quantities)]}


@ab.keyed(inputs={"qty": ab.int64}, state={"seen": ab.int64.default(0)}, outputs={"so_far": ab.int64}, mode="row")
def count(row, state):
    before = 0 if state is None else state["seen"]
    if before + row["qty"] > 10:
        raise ValueError(f"{before} and {row['qty']} are more than 10")
    return {"so_far": before + row["qty"]}, {"seen": before + row["qty"]}
`
const jobText = `
import { files, job, json } from 'anabranch'
import shop from './transforms.anabranch.js'

const orders = job('shop', { params: { factor: 2 } }).from(files('in.jsonl', json(shop.Order)))
orders.apply(shop.share).to(files.sink('shares/', json()))
export default orders.keyBy('user').apply(shop.count).to(files.sink('counts/', json()))
`
const input = [
  '{"user":"ann","price":3,"qty":4}',
  '{"user":"bob","price":8,"qty":0}',
  '{"user":"ann","price":3,"qty":5}',
  '{"user":"ann","price":3,"qty":6}',
  '{"user":"ann","price":3,"qty":"x"}',
]
const shop = (): Promise<JobFolder> =>
  jobFolder({ 'transforms.py': transforms, 'job.ts': jobText, 'in.jsonl': `${input.join('\n')}\n` })

/** A job that ran, with three dead letters: 1 count, 2 the line that did not parse, 3 share. */
async function afterRun(...args: readonly string[]): Promise<JobFolder> {
  const job = await shop()
  const run = await job.run(...args)
  expect(run.json, run.stderr).toMatchObject({ rows_in: 5, rows_dead: 3 })
  return job
}

const mend = (job: JobFolder): void =>
  writeFileSync(join(job.path, 'transforms.py'), transforms.replace('* p / q for', '* p / q if q else 0.0 for'))

describe('dlq', () => {
  test('list has one line a letter; show has the line of the user first', async () => {
    const job = await afterRun()
    expect((await job.cli('dlq', 'list', 'out')).stdout).toBe(
      [
        '1  count  in.jsonl:4  ValueError: 9 and 6 are more than 10',
        '2  files  in.jsonl:5  column "qty": expected int64, got the string "x"',
        '3  share  in.jsonl:2  ZeroDivisionError: float division by zero',
        '',
      ].join('\n'),
    )
    const shown = (await job.cli('dlq', 'show', 'out', '3')).stdout
    expect(shown.split('\n')[0]).toMatch(/^transforms\.py:10 {2}return \{"each": \[.*\]\}$/)
    expect(shown).toContain('ANB2001 ZeroDivisionError: float division by zero\n  row:    {"user":"bob"')
    expect(shown).toContain('  hint:   npx anabranch dlq replay out 3 --pdb\n\nTraceback')
    const { json } = await job.cli('dlq', 'show', 'out', '3', '--json')
    expect(json).toMatchObject({ number: 3, transform: 'share', source: 'in.jsonl', position: 2 })
  })

  test('replay runs a call again with the state that its keys had, until the code is mended', async () => {
    const job = await afterRun()
    const again = await job.cli('dlq', 'replay', 'out', '1', '--json')
    expect(again.code).toBe(1)
    expect(again.json).toMatchObject({
      outcome: 'dead',
      rows: [{ so_far: 4 }, { so_far: 9 }],
      dead: [{ row: 2, error: { type: 'ValueError', message: '9 and 6 are more than 10' } }],
    })
    const all = await job.cli('dlq', 'replay', 'out')
    expect(all.code).toBe(1)
    expect(all.stdout).toContain('0 of 2 are fine now')
    expect(all.stderr).toContain('1 of 3 not replayed: no call failed for it, or none was kept')
    mend(job)
    expect((await job.cli('dlq', 'replay', 'out')).stdout).toContain('1 of 2 are fine now')
    const one = await job.cli('dlq', 'replay', 'out', '3')
    const written = 'nothing was written: run the job again for these rows\n'
    expect([one.code, one.stderr]).toEqual([
      0,
      `note: transforms.py is not as it was when the call was captured\n${written}`,
    ])
    expect(one.stdout).toContain(
      "1 row to transform \"share\": fine\nrows, 1:\n  {'price': 8.0, 'qty': 0, 'each': 0.0}",
    )
  })

  test('what cannot be replayed is said, and purge throws letters and captures away', async () => {
    const job = await afterRun()
    expect((await job.cli('dlq', 'list')).stderr).toContain('dlq list needs the output folder of a run: here is out\n')
    expect((await job.cli('dlq', 'show', 'out', '2')).stdout).toContain(
      '  hint:   mend the line in the source file, or declare',
    )
    const parse = await job.cli('dlq', 'replay', 'out', '2')
    expect([parse.code, parse.stderr]).toEqual([2, expect.stringContaining('its source could not read the row')])
    expect((await job.cli('dlq', 'show', 'out', '9')).stderr).toContain('"9" is none: there are 1 to 3')
    writeFileSync(join(job.path, 'out', 'dead-letters', 'notes.txt'), 'mine')
    expect((await job.cli('dlq', 'purge', 'out', '--json')).json).toEqual({ purged: 3 })
    expect((await job.cli('dlq', 'list', 'out', '--json')).json).toEqual({ letters: [] })
    expect(readdirSync(join(job.path, 'out', 'dead-letters')).sort()).toEqual(['captures', 'notes.txt'])
    expect(readdirSync(join(job.path, 'out', 'dead-letters', 'captures'))).toEqual([])
    expect(job.rows('shares')).toHaveLength(3)
  })
})

describe('a capture', () => {
  const captures = (job: JobFolder, place: string): readonly string[] =>
    readdirSync(join(job.path, 'out', place)).sort()
  const ofDead = (job: JobFolder, operator: string): string => {
    const name = captures(job, 'dead-letters/captures').find(each => each.endsWith(`-${operator}.arrow`))
    return `out/dead-letters/captures/${name ?? 'none'}`
  }

  test('is the same to the byte wherever the job lies', async () => {
    const [one, other] = [await afterRun(), await afterRun('--workers', '1', '--lanes', '1')]
    const names = captures(one, 'dead-letters/captures')
    expect(names).toHaveLength(2)
    const bytes = (job: JobFolder): readonly string[] =>
      captures(job, 'dead-letters/captures')
        .map(name => readFileSync(join(job.path, 'out', 'dead-letters', 'captures', name)).toString('base64'))
        .sort()
    expect(bytes(one)).toEqual(bytes(other))
  })

  test('is replayed on another machine, where only the module lies beside it', async () => {
    const job = await afterRun()
    const elsewhere = join(job.path, 'elsewhere')
    mkdirSync(elsewhere)
    renameSync(join(job.path, 'transforms.py'), join(elsewhere, 'transforms.py'))
    const [count, share] = [ofDead(job, 'count'), ofDead(job, 'share')]
    const lost = await job.cli('replay', count)
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining('ANB8009 module transforms.py was not found')])
    const found = await job.cli('replay', count, share, '--module-folder', 'elsewhere', '--json')
    expect([found.code, found.json]).toMatchObject([1, { replayed: [{ outcome: 'dead' }, { outcome: 'failed' }] }])
    writeFileSync(join(job.path, 'no.arrow'), 'no')
    expect((await job.cli('replay', 'no.arrow', '--json')).json).toMatchObject({ error: { code: 'ANB8009' } })
  })

  test('--against says by column what another version of the module makes of it', async () => {
    const job = await afterRun('--capture-every', '1')
    writeFileSync(join(job.path, 'other.py'), transforms.replace('before + row["qty"]}, {', 'before + 1}, {'))
    const names = captures(job, 'captures')
    const counts = names.filter(name => name.endsWith('-count.arrow')).map(name => `out/captures/${name}`)
    const [first = ''] = counts
    const said = await job.cli('replay', first, '--against', 'other.py')
    expect([said.code, said.stdout]).toEqual([
      1,
      expect.stringMatching(/^column "so_far"(: \d differ)?\n {2}row 0: \d -> 1\n/),
    ])
    expect((await job.cli('replay', first, '--against', 'transforms.py')).stdout).toBe('no difference\n')
  })

  test('--as-test prints a case that fails as the call did, and passes once the code is mended', async () => {
    const job = await afterRun()
    const pytest = (): ReturnType<typeof spawnSync> =>
      spawnSync(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test_share.py'], {
        cwd: job.path,
        encoding: 'utf8',
      })
    const text = (await job.cli('dlq', 'replay', 'out', '3', '--as-test')).stdout
    expect(text).toContain("    rows = {\n        'price': [8.0],\n        'qty': [0],\n    }\n")
    writeFileSync(join(job.path, 'test_share.py'), text)
    expect(String(pytest().stdout)).toMatch(/ZeroDivisionError: float division by zero[\s\S]*1 failed/)
    mend(job)
    expect(String(pytest().stdout)).toContain('1 passed')
  })

  test('--as-test of a call with state names the capture', async () => {
    const job = await afterRun()
    const text = (await job.cli('dlq', 'replay', 'out', '1', '--as-test')).stdout
    writeFileSync(join(job.path, 'test_count.py'), text)
    const ran = spawnSync(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test_count.py'], {
      cwd: job.path,
      encoding: 'utf8',
    })
    expect(ran.stdout).toMatch(/ValueError: 9 and 6 are more than 10[\s\S]*1 failed/)
  })

  test('--pdb stops in the function, at the line that raised', async () => {
    const job = await afterRun()
    const env = { ...process.env, PYTHONPATH: join(repository, 'python') }
    const command = ['-m', 'anabranch._replay', ofDead(job, 'share'), '--pdb']
    const ran = spawnSync(python, command, { cwd: job.path, env, encoding: 'utf8', input: 'p (p, q)\nq\n' })
    expect(ran.stdout).toMatch(/transforms\.py\(10\)[\s\S]*\(Pdb\) \(8\.0, 0\)/)
  })

  test('of a call that went well is kept: every so many calls, or those that are slow', async () => {
    const every = await afterRun('--capture-every', '1')
    expect(captures(every, 'captures').length).toBeGreaterThan(1)
    const fine = await every.cli('replay', ...captures(every, 'captures').map(name => `out/captures/${name}`))
    expect(fine.stdout).toMatch(/\d+ of \d+ are fine now/)
    const slow = await afterRun('--capture-slow', '60000')
    expect(readdirSync(join(slow.path, 'out'))).not.toContain('captures')
  })
})
