/**
 * What a transform may answer that is wrong, too large or not to be shown; and what it may be given. Each either is a
 * dead letter of its row or stops the job with words; nothing is half applied.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { expectExactly, faultJob, someRows } from '../support/fault-job.js'
import { jobFolder } from '../support/job-folder.js'

test('W14 exceptions that cannot be shown are one short dead letter each', async () => {
  const faults = `
class Huge(Exception):
    def __str__(self): return 'x' * 50_000_000
class Recursive(Exception):
    def __str__(self): return str(self)
class Raises(Exception):
    def __str__(self): raise ValueError('no text')
class Local(BaseException):
    def __reduce__(self): raise TypeError('not to be pickled')
def deep(n=0): return deep(n + 1)
def huge(): raise Huge()
def recursive(): raise Recursive()
def raises(): raise Raises()
def local(): raise Local()
def interrupt(): raise KeyboardInterrupt()
def group(): raise ExceptionGroup('several', [ValueError('a'), TypeError('b')])
`
  const zoo = ['huge', 'recursive', 'raises', 'local', 'interrupt', 'group', 'deep']
  const rows = someRows(400, id => (id % 50 === 3 ? (zoo[Math.floor(id / 50)] ?? null) : null))
  const job = await faultJob(rows, { faults })
  const run = await job.run('--workers', '2')
  expect(run.code, run.stderr).toBe(0)
  const dead = rows.flatMap(r => (r.what === null ? [] : [r.id]))
  expect(dead).toHaveLength(zoo.length)
  expectExactly(job, rows, dead)
  for (const letter of job.deadLetters()) expect(JSON.stringify(letter).length).toBeLessThan(100_000)
})

describe('a transform that answers something else than it declared stops the job, and nothing is applied', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['W15 a column of another type', "return {'y': batch['key']}", /ANB2104 .*"y".*utf8|ANB2104 .*"y".*string/],
    ['W15 a column of another name', "return {'z': batch.numpy('x')}", /ANB2101 .*"?z"?/],
    ['W16 a row too many', "return {'y': np.append(batch.numpy('x'), 1.0)}", /ANB2102/],
    ['W16 a row too few', "return {'y': batch.numpy('x')[1:]}", /ANB2102/],
    ['W16 nothing at all', 'return None', /ANB2103/],
  ]
  test.each(cases)('%s', async (_name, body, says) => {
    const job = await jobFolder({
      'transforms.py': `
import numpy as np
import anabranch as ab
Row = ab.schema({"key": ab.utf8, "x": ab.float64})
@ab.transform(inputs={"key": ab.utf8, "x": ab.float64}, outputs={"y": ab.float64})
def work(batch):
    ${body}
`,
      'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('wrong').from(files('input.jsonl', json(t.Row))).apply(t.work).to(files.sink('rows/', json()))
`,
      'input.jsonl': '{"key":"a","x":1}\n{"key":"b","x":2}\n',
    })
    const run = await job.run()
    expect(run.code).toBe(1)
    expect(run.stderr).toMatch(says)
    expect(run.stderr).toMatch(/hint:/)
    expect(job.rows('rows')).toEqual([])
    expect(job.deadLetters()).toEqual([])
  })
})

const bits = `
import struct
import numpy as np, pyarrow as pa
import anabranch as ab
Row = ab.schema({"id": ab.int64, "u": ab.uint64, "x": ab.float64})
ODD = [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308]
@ab.transform(inputs={"id": ab.int64}, outputs={"f": ab.float64, "i": ab.int64, "o": ab.float64})
def odd(batch):
    ids = batch.numpy("id")
    f = np.array([ODD[abs(int(i)) % len(ODD)] for i in ids])
    return {"f": f, "i": ids, "o": pa.array([None if i % 2 else 1.5 for i in ids.tolist()], pa.float64())}
@ab.keyed(inputs={"f": ab.float64, "i": ab.int64, "o": ab.float64, "x": ab.float64}, state={"last": ab.float64}, outputs={"hex": ab.utf8, "was": ab.utf8})
def shown(batch, state):
    f = batch.numpy("f")
    hexes = [struct.pack(">d", v).hex() for v in f.tolist()]
    null = [("-" if v is None else "v") + ("-" if w is None else "v") for v, w in zip(batch.list("o"), batch.list("x"))]
    return {"hex": hexes, "was": null}, {"last": f[state.last]}
`

test('W17 NaN, infinities, -0.0, nulls and huge integers pass through columns and state bit by bit', async () => {
  const ids = [0, 1, 2, 3, 4, 5, 9223372036854775807n, -9223372036854775808n]
  const job = await jobFolder({
    'transforms.py': bits,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('bits').from(files('input.jsonl', json(t.Row))).apply(t.odd).keyBy('id').apply(t.shown).to(files.sink('rows/', json()))
`,
    'input.jsonl': ids
      .map((id, i) => `{"id":${id},"u":18446744073709551615,"x":${i % 2 === 0 ? 'null' : '1'}}\n`)
      .join(''),
  })
  const run = await job.run()
  expect(run.code, run.stderr).toBe(0)
  const hexes = [
    '7ff8000000000000',
    '7ff0000000000000',
    'fff0000000000000',
    '8000000000000000',
    '0000000000000001',
    '7fefffffffffffff',
  ]
  // As text: JSON.parse would round the large ones.
  const out = readFileSync(`${job.path}/out/rows/part-00000.jsonl`, 'utf8').trim().split('\n')
  expect(out).toHaveLength(ids.length)
  for (const [i, id] of ids.entries()) {
    const line = out.find(l => l.startsWith(`{"id":${id},`))
    expect(line).toContain('"u":18446744073709551615')
    expect(line).toContain(`"i":${id}`)
    const nth = BigInt(id) < 0n ? -BigInt(id) : BigInt(id)
    expect(line).toContain(`"hex":"${hexes[Number(nth % 6n)]}"`)
    const odd = BigInt(id) % 2n !== 0n
    expect(line).toContain(`"was":"${odd ? '-' : 'v'}${i % 2 === 0 ? '-' : 'v'}"`)
  }
})

test('W17 a null in a column that is required stops the job with words', async () => {
  const job = await jobFolder({
    'transforms.py': `
import pyarrow as pa
import anabranch as ab
Row = ab.schema({"x": ab.float64})
@ab.transform(inputs={"x": ab.float64}, outputs={"y": ab.float64.required()})
def work(batch):
    return {"y": batch["x"]}
`,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('nulls').from(files('input.jsonl', json(t.Row))).apply(t.work).to(files.sink('rows/', json()))
`,
    'input.jsonl': '{"x":1}\n{"x":null}\n',
  })
  const run = await job.run()
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/ANB2105 .*"y"/)
})

const explode = (perRow: string): Readonly<Record<string, string>> => ({
  'transforms.py': `
import numpy as np
import anabranch as ab
Row = ab.schema({"n": ab.int64})
@ab.flat_map(inputs={"n": ab.int64}, outputs={"i": ab.int64})
def explode(batch):
    n = batch.numpy("n")
    return {"i": np.concatenate([np.arange(k) for k in n]), "parent": np.repeat(np.arange(len(n), dtype=np.int32), n)}
`,
  'job.ts': `
import { files, job, json, nullSink } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('explode').from(files('input.jsonl', json(t.Row))).flatMap(t.explode).select('i').to(nullSink({ checksum: null }))
`,
  'input.jsonl': perRow,
})

test('W18 a row that becomes a million comes out whole, and the host stays small', async () => {
  const job = await jobFolder(explode('{"n":1000000}\n'.repeat(20)))
  const started = job.start(['--workers', '1'])
  let peak = 0
  const watch = setInterval(() => {
    try {
      const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${started.pid}/status`, 'utf8'))
      peak = Math.max(peak, Number(found?.[1] ?? 0) * 1024)
    } catch {
      // It has ended.
    }
  }, 50)
  const run = await started.ended
  clearInterval(watch)
  expect(run.code, run.stderr).toBe(0)
  expect(run.json).toMatchObject({ rows_in: 20, rows_out: 20_000_000, rows_dead: 0 })
  expect(peak).toBeGreaterThan(0)
  expect(peak).toBeLessThan(1.5 * 2 ** 30)
})

test('W18 a row that answers more than a call may stops the job with words', async () => {
  const job = await jobFolder(explode('{"n":40000000}\n'))
  const run = await job.run('--workers', '1')
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/ANB2107/)
})
