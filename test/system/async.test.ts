/**
 * `async def` transforms against a real HTTP service on loopback that is slow, busy, refuses and cuts: nothing is lost,
 * the order is kept, and as many calls are in flight as declared, counted where they arrive.
 */
import { describe, expect, test } from 'vitest'
import { statusWhere } from '../support/asked.js'
import { until } from '../support/fault-job.js'
import { type Fault, type HttpService, type HttpServiceOptions, httpService } from '../support/http-service.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const ids = Array.from({ length: 300 }, (_, id) => id)
const answered = (id: number) => ({ id, key: `k${id % 7}`, twice: id * 2 })

const client = `
import asyncio, re
import anabranch as ab
Row = ab.schema({"id": ab.int64, "key": ab.utf8})

flying, most = 0, 0

async def get(path):
    global flying, most
    flying += 1
    if flying > most:
        most = flying
        with open("most", "w") as file:
            file.write(str(most))
    try:
        return await answer(path)
    finally:
        flying -= 1

async def answer(path):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(ab.context().params["port"]))
    try:
        writer.write(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode())
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        status = int(head.split()[1])
        if status == 503:
            raise ab.TransientError("busy")
        if status == 404:
            raise LookupError(path)
        return int(await reader.readexactly(int(re.search(rb"(?i)content-length: *(\\d+)", head)[1])))
    finally:
        writer.close()
`

const perRow = (more: string): string => `${client}
@ab.transform(inputs={"id": ab.int64}, outputs={"twice": ab.int64}, mode="row", ${more})
async def work(row):
    return {"twice": await get(f"/{row['id']}")}
`

/** Batches that overtake one another: see the promise below. */
const unordered = perRow('timeout_ms=600_000, calls=ab.Calls(capacity=8, timeout_ms=600_000, order="unordered")')

const perKey = (more: string): string => `${client}
@ab.keyed(inputs={"id": ab.int64}, state={"before": ab.int64}, outputs={"twice": ab.int64, "before": ab.int64}, mode="row", ${more})
async def work(row, state):
    twice = await get(f"/{row['id']}")
    return {"twice": twice, "before": (state or {"before": -1})["before"]}, {"before": row["id"]}
`

const perBatch = (more: string): string => `${client}
@ab.transform(inputs={"id": ab.int64}, outputs={"twice": ab.int64}, ${more})
async def work(batch):
    return {"twice": await asyncio.gather(*(get(f"/{id}") for id in batch.list("id")))}
`

interface Served extends AsyncDisposable {
  readonly job: JobFolder
  readonly service: HttpService
  readonly args: readonly string[]
}

async function served(transforms: string, options: HttpServiceOptions = {}, keyBy = ''): Promise<Served> {
  const service = await httpService(options)
  const job = await jobFolder({
    'transforms.py': transforms,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('served', { params: { port: 0 } })
  .from(files('input.jsonl', json(t.Row)))${keyBy}.apply(t.work).to(files.sink('rows/', json()))
`,
    'input.jsonl': ids.map(id => `{"id":${id},"key":"k${id % 7}"}\n`).join(''),
  })
  const args = ['--workers', '1', '--set', `port=${service.port}`]
  return { job, service, args, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() }
}

describe('as many calls are in flight as the capacity allows, and no more', () => {
  test.each([1, 8, 48])('capacity %i', async capacity => {
    await using s = await served(perRow(`calls=ab.Calls(capacity=${capacity}, timeout_ms=20_000)`), {
      rendezvous: capacity,
    })
    const run = await s.job.run(...s.args)
    expect(run.code, run.stderr).toBe(0)
    expect(s.job.rows('rows')).toEqual(ids.map(answered))
    expect(s.service.most).toBe(capacity)
    expect(s.service.asked.toSorted((a, b) => a - b)).toEqual(ids)
  })
})

/** Each 20th row meets each of these once, another row meets the first of them three times. */
const troubles: readonly Fault[] = ['busy', 'cut', 'hang', 'away']
const trouble = (id: number, nth: number): Fault | null => {
  if (id === 150) return 'gone'
  if (id === 200) return nth <= 4 ? 'cut' : null
  return id % 20 === 3 && nth === 1 ? (troubles[Math.trunc(id / 20) % troubles.length] ?? null) : null
}
/** Where calls are given up the client counts: the service hears of a call that was given up when the next one is there. */
const expectAtMost = (calls: number, job: JobFolder): void => {
  expect(Number(job.text('most'))).toBeGreaterThan(0)
  expect(Number(job.text('most'))).toBeLessThanOrEqual(calls)
}
const inTrouble = 'calls=ab.Calls(capacity=8, timeout_ms=400, backoff_ms=10, breaker_failures=4, breaker_ms=100)'

test('a service that is busy, refuses, hangs and cuts connections half way loses no row and changes no order', async () => {
  await using s = await served(perRow(inTrouble), { fault: trouble })
  const run = await s.job.run(...s.args)
  expect(run.code, run.stderr).toBe(0)
  expect(s.job.rows('rows')).toEqual(ids.filter(id => id !== 150).map(answered))
  expectAtMost(8, s.job)
  const letters = s.job.deadLetters()
  expect(letters).toMatchObject([{ row: { id: 150 }, error: { code: 'ANB2001', type: 'LookupError' } }])
  expect(run.json?.['counters']).not.toHaveProperty(['worker.lost'])
})

test('unordered, a slow row does not hold up the batches behind its own', async () => {
  // Row 0 is answered when all rows are out but those of its batch and of the one that its worker has behind it. A cut waits for
  // that row too, and lets none of a later epoch pass: here no epoch ends before.
  const others = ids.length - 20
  await using s = await served(unordered, { holds: 0 })
  const started = s.job.start([...s.args, '--workers', '2', '--batch-rows', '10', '--epoch', '600s'])
  await statusWhere(s.job, ({ rows_out }) => Number(rows_out) >= others, started)
  s.service.release()
  const run = await started.ended
  expect(run.code, run.stderr).toBe(0)
  const rows = s.job.rows('rows')
  expect(rows.toSorted((a, b) => Number(a['id']) - Number(b['id']))).toEqual(ids.map(answered))
  expect(rows.findIndex(row => row['id'] === 0)).toBeGreaterThanOrEqual(others)
})

test('the rows of a key are called in their order, each on the state that the one before left', async () => {
  await using s = await served(perKey(inTrouble), { fault: trouble }, ".keyBy('key')")
  const run = await s.job.run(...s.args)
  expect(run.code, run.stderr).toBe(0)
  const before = (id: number): number => (id < 7 ? -1 : id - 7 === 150 ? id - 14 : id - 7)
  const expected = ids.filter(id => id !== 150).map(id => ({ ...answered(id), before: before(id) }))
  expect(s.job.rows('rows').toSorted((a, b) => Number(a['id']) - Number(b['id']))).toEqual(expected)
  expect(s.job.deadLetters()).toHaveLength(1)
  expectAtMost(8, s.job)
})

test('over columns a batch is one call, and is asked for again as a whole', async () => {
  await using s = await served(perBatch('calls=ab.Calls(timeout_ms=2_000, backoff_ms=10)'), {
    fault: (id, nth) => (id === 90 && nth <= 4 ? 'cut' : null),
  })
  const run = await s.job.run(...s.args, '--batch-rows', '64')
  expect(run.code, run.stderr).toBe(0)
  expect(s.job.rows('rows')).toEqual(ids.map(answered))
  expect(s.service.asked.filter(id => id === 90)).toHaveLength(5)
})

test('a service that is too slow for the batch costs calls made again, and neither a worker nor a row', async () => {
  await using s = await served(perRow('timeout_ms=1_000, calls=ab.Calls(capacity=4)'), { slowMs: 25 })
  const run = await s.job.run(...s.args)
  expect(run.code, run.stderr).toBe(0)
  expect(s.job.rows('rows')).toEqual(ids.map(answered))
  expect(s.job.deadLetters()).toEqual([])
  expect(s.service.asked.length).toBeGreaterThan(ids.length)
  expect(run.json?.['counters']).not.toHaveProperty(['worker.lost'])
})

test('a job that is stopped gives up the calls that are in flight', async () => {
  await using s = await served(perRow('calls=ab.Calls(capacity=8, timeout_ms=600_000)'), { fault: () => 'hang' })
  const started = s.job.start(s.args)
  await until(() => s.service.inFlight === 8)
  started.child.kill('SIGTERM')
  await started.printed('once more stops at once')
  started.child.kill('SIGTERM')
  const run = await started.ended
  expect(run.code, run.stderr).toBe(143)
  await until(() => s.service.inFlight === 0)
})
