/**
 * Memory, leaks, stopped workers and what does not repeat itself: injected for real, seen from outside.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Status, statusWhere } from '../support/asked.js'
import { expectExactly, faultJob, flagged, pidsOf, someRows, until } from '../support/fault-job.js'
import { jobFolder, type Row } from '../support/job-folder.js'
import { socketJob } from '../support/socket-job.js'

const bad = 137
const rows = someRows(400, id => (id === bad ? 'fault' : null))

test('W8 a row that needs more memory than a worker may have is dead, and says so', async () => {
  const job = await faultJob(rows, {
    faults: 'def fault():\n    np.ones(1 << 30)\n',
    job: "{ workerMemory: '4GiB' }",
  })
  const run = await job.run('--workers', '1')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows, [bad])
  expect(job.deadLetters()[0]?.['error']).toMatchObject({ code: 'ANB2007', type: expect.stringMatching(/MemoryError/) })
})

/** A memory cgroup of version 1 or 2 for one test; null where this machine lets nobody make one. */
function memoryGroup(bytes: number): { readonly procs: string; remove(): void } | null {
  const name = `anabranch-test-${process.pid}`
  for (const [folder, limit] of [
    [join('/sys/fs/cgroup/memory', name), 'memory.limit_in_bytes'],
    [join('/sys/fs/cgroup', name), 'memory.max'],
  ] as const)
    try {
      mkdirSync(folder)
      writeFileSync(join(folder, limit), String(bytes))
      return { procs: join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder) }
    } catch {
      // Not this version, or not allowed.
    }
  return null
}

test('W9 a row for which the kernel kills the worker is dead, with the signal', async context => {
  const group = memoryGroup(700 * 2 ** 20)
  if (group === null)
    return context.skip('W9 needs a memory cgroup: root, and a cgroup file system that can be written')
  try {
    const job = await faultJob(rows, { faults: 'def fault():\n    x = np.ones(1 << 29); time.sleep(5)\n' })
    const prefix = ['sh', '-c', `echo $$ > ${group.procs}; exec "$0" "$@"`]
    const run = await job.start(['--workers', '1'], { prefix }).ended
    expect(run.code, run.stderr).toBe(0)
    expectExactly(job, rows, [bad])
    expect(job.deadLetters()[0]?.['error']).toMatchObject({
      code: 'ANB2008',
      message: expect.stringMatching(/SIGKILL/),
    })
  } finally {
    await until(() => readFileSync(group.procs, 'utf8') === '')
    group.remove()
  }
})

/** Of a job with one. */
const stageOf = (status: Status): Row => (status['stages'] as readonly [Row])[0]

test('W10 a worker that leaks is replaced between batches, again and again', async () => {
  const leak = 'KEPT.append(np.ones(len(batch) << 17))'
  const job = await socketJob("files.sink('rows/', json())", "{ workerRecycle: '150MiB' }", leak)
  const started = job.folder.start(['--workers', '1', '--batch-rows', '20'])
  // A worker looks at its memory each 50 ms, so rows come until workers were replaced, not so many as a guess says.
  const seen = new Set<number>()
  let rows = 0
  await until(() => {
    for (const pid of pidsOf(job.folder).workers) seen.add(pid)
    if (job.connected) job.feed(rows, 2)
    if (job.connected) rows += 2
    return seen.size > 4
  })
  job.end()
  const run = await started.ended
  expect(run.code, run.stderr).toBe(0)
  expect(job.folder.rows('rows')).toEqual(Array.from({ length: rows }, (_, id) => ({ id, twice: id * 2 })))
  const counters = run.json?.['counters'] as Readonly<Record<string, number>>
  expect(counters['worker.recycled']).toBeGreaterThanOrEqual(2)
  expect(counters['worker.lost'] ?? 0).toBe(0)
})

test('W1 a worker that is killed before it read its batch costs nothing', async () => {
  const job = await socketJob("files.sink('rows/', json())")
  const started = job.folder.start(['--workers', '1'])
  await until(() => job.connected && pidsOf(job.folder).workers.length === 2)
  // Both are stopped, so that the batch lies unread in the socket of the one that got it.
  const { workers } = pidsOf(job.folder)
  for (const pid of workers) process.kill(pid, 'SIGSTOP')
  job.feed(0, 500)
  await statusWhere(job.folder, status => Number(stageOf(status)['calls_out']) > 0)
  for (const pid of workers) process.kill(pid, 'SIGKILL')
  job.end()
  const run = await started.ended
  expect(run.code, run.stderr).toBe(0)
  expect(run.json?.['counters']).toMatchObject({ 'lease.resent': expect.any(Number) })
  expect(job.folder.rows('rows')).toEqual(Array.from({ length: 500 }, (_, id) => ({ id, twice: id * 2 })))
})

test('W27 a transform that answers something else each time is seen once: its rows and its state are of one attempt', async () => {
  const job = await jobFolder({
    'flags/.keep': '',
    'transforms.py': `
import os, random, signal
import anabranch as ab
Row = ab.schema({"id": ab.int64, "key": ab.utf8})

def left(keys, state):
    return {"key": keys["key"], "total": state["total"]}

@ab.keyed(inputs={"id": ab.int64}, state={"total": ab.int64.default(0)}, outputs={"r": ab.int64},
          side={"totals": {"key": ab.utf8, "total": ab.int64}}, at_end=left, mode="row")
def chance(row, state):
    total = state["total"] if state else 0
    r = random.SystemRandom().randrange(1 << 40)
    if row["id"] % 50 == 7:
        try:
            os.close(os.open("flags/%d" % row["id"], os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            pass
    return {"r": r}, {"total": total + r}
`,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('chance').from(files('input.jsonl', json(t.Row))).keyBy('key').apply(t.chance)
  .to(files.sink('rows/', json())).side('totals').to(files.sink('totals/', json()))
`,
    'input.jsonl': Array.from({ length: 400 }, (_, id) => `{"id":${id},"key":"k${id % 7}"}\n`).join(''),
  })
  const run = await job.run('--workers', '2', '--batch-rows', '32')
  expect(run.code, run.stderr).toBe(0)
  const out = job.rows('rows')
  expect(out).toHaveLength(400)
  const sums = new Map<unknown, number>()
  for (const row of out) sums.set(row['key'], (sums.get(row['key']) ?? 0) + Number(row['r']))
  const totals = new Map(job.rows('totals').map(row => [row['key'], row['total']]))
  expect(totals).toEqual(sums)
})

test('W28 a transform that writes into its input changes no row of the host', async () => {
  const job = await jobFolder({
    'transforms.py': `
import ctypes
import anabranch as ab
Row = ab.schema({"id": ab.int64, "x": ab.float64})
@ab.transform(inputs={"x": ab.float64}, outputs={"refused": ab.bool_})
def work(batch):
    x = batch.numpy("x")
    try:
        x[:] = 0
        refused = False
    except ValueError:
        refused = True
    ctypes.memset(x.ctypes.data, 0, x.nbytes)
    return {"refused": [refused] * len(batch)}
`,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('writes').from(files('input.jsonl', json(t.Row))).apply(t.work).to(files.sink('rows/', json()))
`,
    'input.jsonl': Array.from({ length: 300 }, (_, id) => `{"id":${id},"x":${id + 0.5}}\n`).join(''),
  })
  const run = await job.run()
  expect(run.code, run.stderr).toBe(0)
  expect(job.rows('rows')).toEqual(Array.from({ length: 300 }, (_, id) => ({ id, x: id + 0.5, refused: true })))
})

test('T8 a stopped worker holds the source back: memory stays flat, and nothing is lost when it goes on', async () => {
  const many = 400_000
  const job = await jobFolder({
    'flags/.keep': '',
    'transforms.py': `
import os, signal
import anabranch as ab
Row = ab.schema({"id": ab.int64, "text": ab.utf8})
@ab.transform(inputs={"id": ab.int64}, outputs={"twice": ab.int64})
def work(batch):
    if not os.path.exists("flags/stopped"):
        open("flags/stopped", "w").close()
        os.kill(os.getpid(), signal.SIGSTOP)
    return {"twice": batch.numpy("id") * 2}
`,
    'job.ts': `
import { files, job, json, nullSink } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('slow').from(files('input.jsonl', json(t.Row))).apply(t.work).to(nullSink({ checksum: null }))
`,
    'input.jsonl': Array.from({ length: many }, (_, id) => `{"id":${id},"text":"${'x'.repeat(200)}"}\n`).join(''),
  })
  const started = job.start(['--workers', '1'])
  await until(() => flagged(job, 'stopped'))
  const resident = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${started.pid}/status`, 'utf8'))?.[1]) / 1024
  // A host that may read has read more when it answers again, and surely when it has answered three times.
  const standsStill = async (): Promise<number> => {
    let [read, answers] = [0, 0]
    await statusWhere(job, ({ rows_in }) => {
      answers = rows_in === read ? answers + 1 : 1
      read = Number(rows_in)
      return answers === 3
    })
    return read
  }
  const read = await standsStill()
  const before = resident()
  expect(await standsStill()).toBe(read)
  const after = resident()
  for (const pid of pidsOf(job).workers) process.kill(pid, 'SIGCONT')
  const run = await started.ended
  expect(run.code, run.stderr).toBe(0)
  expect(run.json).toMatchObject({ rows_in: many, rows_out: many, rows_dead: 0 })
  expect(read).toBeLessThan(many / 2)
  expect(after - before).toBeLessThan(16)
  expect(after).toBeLessThan(400)
})

describe('rules where engines disagree', () => {
  const keyed = (nullKeys: string): Readonly<Record<string, string>> => ({
    'transforms.py': `
import anabranch as ab
Row = ab.schema({"id": ab.int64, "key": ab.utf8})
@ab.keyed(inputs={"id": ab.int64}, state={"n": ab.int64.default(0)}, outputs={"n": ab.int64}, mode="row")
def count(row, state):
    n = (state["n"] if state else 0) + 1
    if row["id"] % 5 == 4: raise ValueError("every fifth")
    return {"n": n}, {"n": n}
`,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('keys').from(files('input.jsonl', json(t.Row))).keyBy('key'${nullKeys}).apply(t.count).to(files.sink('rows/', json()))
`,
    'input.jsonl': ['a', null, 'a', 'b', 'new', null, 'b', 'a']
      .map((key, id) => `${JSON.stringify({ id, key })}\n`)
      .join(''),
  })
  const ids = (found: readonly Row[]): readonly unknown[] => found.map(r => r['id']).toSorted()

  test('null key: a dead letter that says so', async () => {
    const job = await jobFolder(keyed(''))
    expect((await job.run()).code).toBe(0)
    expect(ids(job.rows('rows'))).toEqual([0, 2, 3, 6, 7])
    const nulls = job.deadLetters().filter(l => (l['error'] as Row)['code'] === 'ANB2006')
    expect(nulls.map(l => (l['row'] as Row)['id'])).toEqual([1, 5])
    expect(nulls[0]?.['error']).toMatchObject({ message: expect.stringMatching(/null key/) })
  })

  test("null key: with nullKeys 'group' they are one key", async () => {
    const job = await jobFolder(keyed(", { nullKeys: 'group' }"))
    expect((await job.run()).code).toBe(0)
    expect(
      job
        .rows('rows')
        .filter(r => r['key'] === null)
        .map(r => r['n']),
    ).toEqual([1, 2])
  })

  test("null key: with nullKeys 'drop' they are gone and counted", async () => {
    const job = await jobFolder(keyed(", { nullKeys: 'drop' }"))
    const run = await job.run()
    expect(ids(job.rows('rows'))).toEqual([0, 2, 3, 6, 7])
    expect(run.json).toMatchObject({ rows_dead: 1, counters: { 'rows.dropped': 2 } })
  })

  test('state first touched by a failed row is rolled back with the row', async () => {
    const job = await jobFolder(keyed(''))
    await job.run()
    // Row 4 alone has the key "new"; had its state stayed, nothing would show it but the last call over all keys.
    expect(job.rows('rows').some(r => r['key'] === 'new')).toBe(false)
    expect(job.deadLetters().some(l => (l['row'] as Row)['id'] === 4)).toBe(true)
    expect(
      job
        .rows('rows')
        .filter(r => r['key'] === 'a')
        .map(r => r['n']),
    ).toEqual([1, 2, 3])
  })

  test('null argument: the transform gets an Arrow null', async () => {
    const job = await jobFolder({
      'transforms.py': `
import anabranch as ab
Row = ab.schema({"id": ab.int64, "x": ab.float64})
@ab.transform(inputs={"x": ab.float64}, outputs={"was_null": ab.bool_})
def work(batch):
    return {"was_null": batch["x"].is_null()}
`,
      'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('nulls').from(files('input.jsonl', json(t.Row))).apply(t.work).to(files.sink('rows/', json()))
`,
      'input.jsonl': '{"id":1,"x":0}\n{"id":2,"x":null}\n{"id":3}\n',
    })
    expect((await job.run()).code).toBe(0)
    expect(job.rows('rows').map(r => r['was_null'])).toEqual([false, true, true])
  })

  test('a result used by several consumers: the transform ran once for each row', async () => {
    const job = await jobFolder({
      'transforms.py': `
import anabranch as ab
Row = ab.schema({"id": ab.int64})
@ab.transform(inputs={"id": ab.int64}, outputs={"y": ab.int64})
def work(batch):
    ab.context().counter("rows").add(len(batch))
    return {"y": batch.numpy("id") + 1}
@ab.filter(inputs={"y": ab.int64})
def even(batch):
    return batch.numpy("y") % 2 == 0
`,
      'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const worked = job('twice').from(files('input.jsonl', json(t.Row))).apply(t.work)
export default worked.to(files.sink('all/', json())).filter(t.even).to(files.sink('even/', json()))
`,
      'input.jsonl': Array.from({ length: 100 }, (_, id) => `{"id":${id}}\n`).join(''),
    })
    const run = await job.run()
    expect(run.code, run.stderr).toBe(0)
    expect(job.rows('all')).toHaveLength(100)
    expect(job.rows('even')).toHaveLength(50)
    expect(run.json?.['counters']).toMatchObject({ 'user.rows': 100 })
  })

  test('one large file, several workers: all of them have work', async () => {
    const job = await jobFolder({
      'pids/.keep': '',
      'transforms.py': `
import os, time
import anabranch as ab
Row = ab.schema({"id": ab.int64})
@ab.transform(inputs={"id": ab.int64}, outputs={"pid": ab.int64})
def work(batch):
    # Until both are there: the second one may start much later.
    open(os.path.join("pids", str(os.getpid())), "w").close()
    while len(os.listdir("pids")) < 3: time.sleep(0.01)
    time.sleep(0.02)
    return {"pid": [os.getpid()] * len(batch)}
`,
      'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('one').from(files('input.jsonl', json(t.Row))).apply(t.work).to(files.sink('rows/', json()))
`,
      'input.jsonl': Array.from({ length: 20_000 }, (_, id) => `{"id":${id}}\n`).join(''),
    })
    const run = await job.run('--workers', '2', '--batch-rows', '100')
    expect(run.code, run.stderr).toBe(0)
    const out = job.rows('rows')
    expect(out.map(r => r['id'])).toEqual(Array.from({ length: 20_000 }, (_, id) => id))
    const shares = [...new Set(out.map(r => r['pid']))].map(pid => out.filter(r => r['pid'] === pid).length)
    // A machine that is busy with other things may cost a worker, and another one takes its place.
    const [, second = 0] = shares.toSorted((a, b) => b - a)
    expect(second).toBeGreaterThan(4_000)
  })
})
