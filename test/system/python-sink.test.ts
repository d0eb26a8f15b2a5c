/**
 * Sinks of Python against a real HTTP service on loopback that remembers keys: whatever is cut, killed or late, rows come again only
 * with the same key and the same bytes, in their order, and none is missing.
 */
import { describe, expect, test } from 'vitest'
import { type JobFolder, jobFolder } from '../support/job-folder.js'
import { type PushFault, type PushService, pushService } from '../support/push-service.js'

const rows = Array.from({ length: 60_000 }, (_, n) => n)

const client = `
import hashlib, http.client, json, os, signal
import anabranch as ab
Row = ab.schema({"n": ab.int64, "word": ab.utf8, "more": ab.float64})

@ab.resource
def service():
    return http.client.HTTPConnection("127.0.0.1", int(ab.context().params["port"]))

def put(batch, key):
    body = {"rows": batch.list("n"), "bytes": hashlib.sha256(batch.arrow().serialize()).hexdigest()}
    connection = service()
    try:
        connection.request("PUT", f"/{key}", json.dumps(body))
        answer = connection.getresponse()
        answer.read()
    except BaseException:
        connection.close()
        raise
    if answer.status == 299:
        os.kill(os.getpid(), signal.SIGKILL)
    if answer.status == 503:
        raise ab.TransientError("busy")
`
const push = `${client}
@ab.sink(inputs={"word": ab.utf8, "n": ab.int64})
def push(batch, key):
    put(batch, key)
`
const hasty = push.replace('ab.int64})\ndef', 'ab.int64}, timeout_ms=5_000)\ndef')
const asyncPush = `${client}
import asyncio
@ab.sink(inputs={"word": ab.utf8, "n": ab.int64}, calls=ab.Calls(retries=0))
async def push(batch, key):
    await asyncio.to_thread(put, batch, key)
`
const job = (options = '', more = ''): string => `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('pushed', { params: { port: 0 }${options} })
  .from(files('in/*.jsonl', json(t.Row)))
  .to(t.push)${more}
`
const besideFiles = job('', ".to(files.sink('rows/', json()))")

interface Served extends AsyncDisposable {
  readonly folder: JobFolder
  readonly service: PushService
  readonly args: readonly string[]
}

async function served(
  fault?: (key: string, nth: number) => PushFault | null,
  of = { push, job: job() },
): Promise<Served> {
  const service = await pushService(fault)
  const lines = (from: number): string =>
    rows
      .slice(from, from + 10_000)
      .map(n => `${JSON.stringify({ n, word: `word ${n % 9}`, more: n / 8 })}\n`)
      .join('')
  const inputs = Array.from({ length: 6 }, (_, i) => [`in/${i}.jsonl`, lines(i * 10_000)])
  const folder = await jobFolder({ ...Object.fromEntries(inputs), 'transforms.py': of.push, 'job.ts': of.job })
  const args = ['--epoch', '50ms', '--set', `port=${service.port}`]
  return { folder, service, args, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() }
}

/** Each key always came with the same bytes; keys came first in the order of epochs and parts; nothing is missing. */
function expectOnceEach({ calls, stored }: PushService): void {
  expect({ rows: stored.length, inOrder: stored.every((n, at) => n === at) }).toEqual({
    rows: rows.length,
    inOrder: true,
  })
  const digests = new Map<string, Set<string>>()
  for (const { key, bytes } of calls) digests.set(key, (digests.get(key) ?? new Set()).add(bytes))
  expect([...digests.values()].map(one => one.size)).toEqual([...digests].map(() => 1))
  const numbers = [...digests.keys()].map(key => key.split('/').slice(3).map(Number))
  expect(numbers).toEqual([...numbers].sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d))
}
const again = ({ calls }: PushService): number => calls.length - new Set(calls.map(call => call.key)).size

const begin = /^pushed\/[0-9a-f]{16}\/push\/1\/1$/

test('rows go to a Python client with a key for each part of an epoch, and only the columns that it declares', async () => {
  await using s = await served(undefined, { push, job: besideFiles })
  const run = await s.folder.run(...s.args)
  expect(run.code, run.stderr).toBe(0)
  expect(run.json).toMatchObject({
    rows_in: 60_000,
    outputs: [{ sink: 'push', path: 'push of transforms.py', rows: 60_000 }, {}],
  })
  expectOnceEach(s.service)
  expect(again(s.service)).toBe(0)
  expect(s.service.calls[0]?.key).toMatch(begin)
  expect(s.folder.rows('rows')).toHaveLength(60_000)
})

describe('a call that ends badly is made again with the same key and the same bytes', () => {
  const cases: readonly (readonly [string, PushFault, string])[] = [
    ['a connection that is cut before the rows are stored', 'cut', push],
    ['a connection that is cut when the rows are stored', 'lost', push],
    ['a service that is busy', 'busy', push],
    ['a worker that is killed between the call and its answer', 'die', push],
    ['an async sink whose connection is cut', 'lost', asyncPush],
  ]
  test.each(cases)('%s', async (_, fault, code) => {
    await using s = await served((_key, nth) => (nth === 1 ? fault : null), { push: code, job: job() })
    const run = await s.folder.run(...s.args)
    expect(run.code, run.stderr).toBe(0)
    expectOnceEach(s.service)
    expect(again(s.service)).toBe(new Set(s.service.calls.map(call => call.key)).size)
  })

  test('a call that does not end before its deadline', async () => {
    const first = (key: string, nth: number): PushFault | null => (nth === 1 && begin.test(key) ? 'hang' : null)
    await using s = await served(first, { push: hasty, job: job() })
    const run = await s.folder.run(...s.args)
    expect(run.code, run.stderr).toBe(0)
    expectOnceEach(s.service)
    expect(again(s.service)).toBe(1)
  })
})

describe('a host that is killed', () => {
  const cases = [
    ['when an epoch is decided', 'prepare.sync:after:1', 0],
    ['before the call', 'sink.commit:before:1', 0],
    ['between the call and its marker', 'sink.commit:after:1', 1],
    ['before the marker is written', 'sink.marker:before:1', 1],
    ['behind the marker', 'sink.marker:after:1', 0],
    ['when the rows leave the log', 'log.trim:after:1', 0],
  ] as const
  test.each(cases)('%s: the next run goes on, with %s', async (_, failpoint, repeated) => {
    await using s = await served()
    const died = await s.folder.start(s.args, { env: { ANABRANCH_FAILPOINT: failpoint } }).ended
    expect(died.signal, died.stderr).toBe('SIGKILL')
    const run = await s.folder.run(...s.args)
    expect(run.code, run.stderr).toBe(0)
    expectOnceEach(s.service)
    expect(again(s.service)).toBe(repeated)
  })
})

describe('a job stops with its rows unacknowledged, and the next run sends them first', () => {
  const raising = push.replace(
    'put(batch, key)\n',
    'if ab.context().params["port"] == 1:\n        raise ValueError("no such table")\n    put(batch, key)\n',
  )
  const crashing = push.replace(
    'put(batch, key)\n',
    'if ab.context().params["port"] == 1:\n        os.abort()\n    put(batch, key)\n',
  )
  const cases = [
    [
      'where the sink raises, with the line of the user',
      raising,
      1,
      ['ANB4033 sink "push" raised ValueError: no such table', 'raise ValueError("no such table")'],
    ],
    [
      'where rows kill its worker again and again',
      crashing,
      1,
      ['ANB4034 sink "push" lost its worker 4 times in a row', 'died of SIGABRT'],
    ],
    ['where the service stays away', push, 75, ['ANB2010', 'sink "push"', 'ConnectionRefusedError']],
  ] as const
  test.each(cases)('%s', async (_, code, exit, said) => {
    await using s = await served(undefined, { push: code, job: job(", transientMax: '1s'") })
    const stopped = await s.folder.run('--epoch', '50ms', '--set', 'port=1')
    expect(stopped.code, stopped.stderr).toBe(exit)
    for (const text of said) expect(stopped.stderr).toContain(text)
    const key = /The rows have key (\S+);/.exec(stopped.stderr)?.[1]
    expect(key).toMatch(begin)
    const run = await s.folder.run(...s.args)
    expect(run.code, run.stderr).toBe(0)
    expect(s.service.calls[0]?.key).toBe(key)
    expectOnceEach(s.service)
  })
})

test('without epochs each batch goes out as it comes, and another run has other keys', async () => {
  await using s = await served((_key, nth) => (nth === 1 ? 'lost' : null))
  const args = [...s.args.slice(2), '--epoch', 'off']
  for (let nth = 0; nth < 2; nth += 1) {
    const run = await s.folder.run(...args)
    expect(run.code, run.stderr).toBe(0)
  }
  const { calls, stored } = s.service
  expect({ rows: stored.length, inOrder: stored.every((n, at) => n === at % rows.length) }).toEqual({
    rows: 2 * rows.length,
    inOrder: true,
  })
  expect(new Set(calls.map(call => call.key)).size).toBe(calls.length / 2)
  expect(new Set(calls.map(call => call.key.split('/')[1])).size).toBe(2)
})

test('plan says that rows may come again, and with which key', async () => {
  const folder = await jobFolder({ 'job.ts': job(), 'transforms.py': push })
  const { stdout } = await folder.cli('plan', 'job.ts')
  const why = 'no marker of ours is in its service: rows may come again after a crash, with the same key'
  expect(stdout.replace(/ +/g, ' ')).toContain(
    `files -> push at least once append ${why} pushed/LINEAGE/push/EPOCH/PART`,
  )
})
