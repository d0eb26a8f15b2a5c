/**
 * The transport hurt under a whole job: workers that lie, die between two messages or are stopped, a second host, a host
 * that was killed or stood still, a machine that has nothing left. What comes out is what comes out in peace.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { expectExactly, faultJob, flagged, pidsOf, someRows, until } from '../support/fault-job.js'
import { rogue } from '../support/rogue.js'
import { runFolder } from '../support/run-folder.js'
import { socketJob } from '../support/socket-job.js'

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** So far apart that no worker has said the next one before it is replaced for the one before. */
const rowsWith = (...names: readonly string[]) =>
  someRows(1_000, id => (id % 200 === 11 ? (names[Math.floor(id / 200)] ?? null) : null))

describe('a worker that says something else than it should', () => {
  const cases: readonly (readonly [
    name: string,
    faults: readonly string[],
    counters: Readonly<Record<string, number>>,
  ])[] = [
    ['T1 the same reply twice', ['twice'], { 'reply.stale': 1 }],
    ['T2 a reply to another attempt', ['other_attempt'], { 'reply.stale': 1 }],
    ['T2 a reply of another process of its seat', ['other_incarnation'], { 'reply.foreign': 1 }],
    ['T2 the reply that the process before it died with', ['dies_with_its_reply', 'replays'], { 'reply.foreign': 1 }],
    ['T3 a reply of another run', ['other_run'], { 'reply.foreign': 1 }],
    ['T3 a reply to no call', ['unknown_call'], { 'reply.stale': 1 }],
    ['T7 a truncated frame', ['truncated'], { 'frame.refused': 1 }],
    ['T7 a bit flipped', ['flipped'], { 'frame.refused': 1 }],
    ['T7 a giant frame', ['giant'], { 'frame.refused': 1 }],
    ['T7 an empty message', ['empty'], { 'frame.refused': 1 }],
    ['T7 an extra part', ['extra'], { 'frame.refused': 1 }],
    ['T7 one after the other', ['truncated', 'flipped', 'giant', 'empty', 'extra'], { 'frame.refused': 5 }],
    ['W4 a reply half sent, and its death', ['half_sent'], { 'worker.lost': 1 }],
  ]
  test.each(cases)('%s: changes nothing, and is counted', async (_name, names, counters) => {
    const rows = rowsWith(...names)
    const job = await faultJob(rows, { faults: rogue })
    // In one lane there are good replies between two that are refused: two in a row would stop the job.
    const run = await job.run('--workers', '1', '--lanes', '1', '--batch-rows', '16')
    expect(run.code, run.stderr).toBe(0)
    expectExactly(job, rows)
    expect(run.json?.['counters']).toMatchObject(counters)
  })
})

test('T4 workers that are killed in the moment in which rows come for them: each row comes out once, in order', async () => {
  const job = await socketJob("socket.sink('unix://' + here + '/out.sock')")
  let came = ''
  const ids = (): readonly number[] =>
    came
      .split('\n')
      .slice(0, -1)
      .map(line => Number(JSON.parse(line).id))
  const sink = createServer(socket =>
    socket.setEncoding('utf8').on('data', text => {
      came += text
    }),
  ).listen(join(job.folder.path, 'out.sock'))
  const started = job.folder.start(['--workers', '1'])
  const rounds = 8
  for (let round = 0; round < rounds; round += 1) {
    // The note has the one that was killed before until its end is known, and rows do not wait for that.
    const workers = (): readonly number[] => pidsOf(job.folder).workers.filter(lives)
    await until(() => job.connected && ids().length === round * 10 && workers().length === 2)
    // The first one is the one that gets the rows.
    process.kill(workers()[0] ?? 0, 'SIGKILL')
    job.feed(round * 10, 10)
  }
  job.end()
  const run = await started.ended
  sink.close()
  expect(run.code, run.stderr).toBe(0)
  expect(ids()).toEqual(Array.from({ length: rounds * 10 }, (_, id) => id))
  expect(run.json?.['counters']).toMatchObject({ 'worker.lost': expect.any(Number) })
})

test('T5 a run after one whose host was killed begins anew: nothing of the killed one is in its way or its output', async () => {
  const rows = someRows(4_000, id => (id === 3_950 ? 'wait' : id % 100 === 50 ? 'nap' : null))
  // No run is through with its rows before it is killed.
  const job = await faultJob(rows, {
    faults: `
def nap():
    time.sleep(0.02)
def wait():
    while not os.path.exists('flags/go'): time.sleep(0.01)
`,
  })
  for (let round = 0; round < 4; round += 1) {
    const started = job.start(['--workers', '2', '--batch-rows', '64'])
    await until(() => pidsOf(job).host === started.pid && pidsOf(job).workers.length > 1)
    started.child.kill('SIGKILL')
    expect((await started.ended).signal).toBe('SIGKILL')
  }
  writeFileSync(join(job.path, 'flags', 'go'), '')
  const run = await job.run('--workers', '2')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
  const left = (): readonly string[] => readdirSync(runFolder().temporary).filter(name => name.startsWith('anabranch'))
  await until(() => left().length === 0)
})

test('T6 a second host in the same folder is refused with the pid of the first, which goes on unharmed', async () => {
  const rows = someRows(400, id => (id === 11 ? 'fault' : null))
  const job = await faultJob(rows, {
    faults: "def fault():\n    while not os.path.exists('flags/go'): time.sleep(0.01)\n",
  })
  const first = job.start(['--workers', '2'])
  await until(() => pidsOf(job).workers.length > 0)
  const second = await job.run('--workers', '2')
  writeFileSync(join(job.path, 'flags', 'go'), '')
  expect(second.code).not.toBe(0)
  expect(second.stderr).toContain(`${first.pid}`)
  const run = await first.ended
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
})

test('T9 a host that stands still for 6 s ends no worker whose answer waits, and sends nothing again', async () => {
  const rows = someRows(400, id => (id === 11 ? 'fault' : null))
  // Once the transform has begun, the job file keeps the only thread of the host busy, four deadlines long.
  const host = `
import { existsSync } from 'node:fs'
const watch = setInterval(() => {
  if (!existsSync(import.meta.dirname + '/flags/begun')) return
  clearInterval(watch)
  const until = performance.now() + 6_000
  while (performance.now() < until);
}, 1)
`
  const faults = "def fault():\n    if once('begun'): time.sleep(0.5)\n"
  const job = await faultJob(rows, { faults, host, decorator: ', timeout_ms=1500' })
  const run = await job.run('--workers', '2', '--batch-rows', '16')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
  const counters = run.json?.['counters'] as Readonly<Record<string, number>>
  expect([counters['worker.lost'], counters['lease.resent']]).toEqual([undefined, undefined])
  expect(Number(run.json?.['seconds'])).toBeGreaterThan(6)
})

describe('T10 a machine that has nothing left stops the job with words', () => {
  test('of open files', async () => {
    // From the first row on the job file takes every descriptor that its process may have, but a few.
    const host = `
import { closeSync, existsSync, openSync } from 'node:fs'
setInterval(() => {
  if (!existsSync(import.meta.dirname + '/flags/begun')) return
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    for (const fd of taken.splice(0, 3)) closeSync(fd)
  }
}, 1).unref()
`
    // Each row then costs a worker, and no new one can start.
    const faults = "def fault():\n    if once('begun'): time.sleep(0.1)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    const rows = someRows(40, () => 'fault')
    const job = await faultJob(rows, { faults, host })
    const run = await job.start(['--workers', '2'], { prefix: ['sh', '-c', 'ulimit -n 256; exec "$0" "$@"'] }).ended
    // The worker's pipes or the run's own file, whichever finds out first.
    expect([1, 75], run.stderr).toContain(run.code)
    expect(run.stderr).toMatch(/^ANB(8004|4003) [\s\S]*ulimit -n/m)
  })

  test('of bytes in the path of a socket', async () => {
    const job = await faultJob(someRows(40))
    const long = join(runFolder().temporary, 'x'.repeat(100))
    mkdirSync(long)
    const run = await job.start(['--workers', '2'], { env: { XDG_RUNTIME_DIR: long, TMPDIR: long } }).ended
    expect(run.code).not.toBe(0)
    expect(run.stderr).toMatch(/^ANB4006 .* at most 95 bytes/m)
    expect(run.stderr).toMatch(/107 bytes/)
    expect(job.rows('rows')).toEqual([])
  })
})

describe('W26 workers that are stopped, the busy one and its spare', () => {
  const term = 20

  test('are ended for want of heartbeats, and their rows are sent again', { timeout: 240_000 }, async () => {
    const rows = someRows(400, id => (id === 11 ? 'fault' : null))
    const faults = "def fault():\n    if once('begun'): time.sleep(3600)\n"
    // The deadline is far away: only the heartbeat can tell.
    const job = await faultJob(rows, { faults, decorator: ', timeout_ms=600_000' })
    const started = job.start(['--workers', '1', '--batch-rows', '16'])
    await until(() => flagged(job, 'begun') && pidsOf(job).workers.length === 2)
    const { workers } = pidsOf(job)
    for (const pid of workers) process.kill(pid, 'SIGSTOP')
    const run = await started.ended
    expect(run.code, run.stderr).toBe(0)
    expectExactly(job, rows)
    for (const pid of workers) expect(() => process.kill(pid, 'SIGCONT')).toThrow(/ESRCH/)
    expect(run.json?.['counters']).toMatchObject({
      'worker.lost': expect.any(Number),
      'lease.resent': expect.any(Number),
    })
    expect(Number(run.json?.['seconds'])).toBeGreaterThan(term - 1)
  })
})
