/**
 * What kills, hangs or spoils a worker, injected for real into a running job: what comes out is exactly what comes out
 * without the fault, and a row that does it every time is a dead letter with what is known of its end.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { expectExactly, faultJob, flagged, pidsOf, someRows, until } from '../support/fault-job.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'
import { type Strikes, killWorkers, serverOf } from '../support/strike.js'

const bad = 137
const rows = someRows(400, id => (id === bad ? 'fault' : null))

/** What a row does each time, the time that a call may take, and what the dead letter says. */
const poison: readonly (readonly [name: string, fault: string, code: string, says: RegExp])[] = [
  ['W5 a hang in Python is found by the deadline', 'while True: pass', 'ANB2008', /deadline/],
  ['W6 a hang in native code that holds the interpreter', "re.match(r'(a+)+$', 'a' * 64 + 'b')", 'ANB2008', /deadline/],
  [
    'W7 a fork whose child holds a lock for ever',
    'lock = threading.Lock(); lock.acquire(); pid = os.fork(); (lock.acquire() if pid == 0 else os.waitpid(pid, 0))',
    'ANB2008',
    /deadline/,
  ],
  ['W11 a segmentation fault', 'ctypes.string_at(0)', 'ANB2008', /SIGSEGV/],
  ['W12 an abort', 'os.abort()', 'ANB2008', /SIGABRT/],
  ['W13 os._exit(0) is never taken as success', 'os._exit(0)', 'ANB2008', /exited with 0/],
  ['W13 sys.exit is a failure of the row', 'sys.exit(0)', 'ANB2001', /./],
]

describe('a row that does this every time is one dead letter', () => {
  test.each(poison)('%s', async (_name, fault, code, says) => {
    const job = await faultJob(rows, { faults: `def fault():\n    ${fault}\n`, decorator: ', timeout_ms=1500' })
    const run = await job.run('--workers', '2')
    expect(run.code, run.stderr).toBe(0)
    expectExactly(job, rows, [bad])
    const [letter] = job.deadLetters()
    expect(letter?.['error']).toMatchObject({ code, message: expect.stringMatching(says) })
    expect(readFileSync(join(job.path, 'out', String(letter?.['capture']))).subarray(0, 4)).toEqual(
      Buffer.from([255, 255, 255, 255]),
    )
  })
})

test('W11 the stack of a segmentation fault stands in the dead letter', async () => {
  const job = await faultJob(rows, { faults: 'def fault():\n    ctypes.string_at(0)\n' })
  expect((await job.run()).code).toBe(0)
  const [letter] = job.deadLetters()
  expect(letter?.['error']).toMatchObject({ traceback: expect.stringMatching(/Segmentation fault[\s\S]*in fault/) })
})

test('W2 a worker that dies once in the middle of a batch changes nothing', async () => {
  const job = await faultJob(rows, {
    faults: "def fault():\n    if once('died'): os.kill(os.getpid(), signal.SIGKILL)\n",
  })
  const run = await job.run('--workers', '2')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
  expect(run.json?.['counters']).toMatchObject({ 'lease.resent': expect.any(Number) })
})

describe('W3 a worker that is killed while its replies are on their way', () => {
  test.each([1, 2, 3])('changes nothing (%i workers)', async workers => {
    const faults = `
def fault():
    if once('armed'):
        # Dies a moment after the reply of this very call was handed to the socket.
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGKILL)).start()
`
    const job = await faultJob(rows, { faults })
    const run = await job.run('--workers', String(workers), '--batch-rows', '16')
    expect(run.code, run.stderr).toBe(0)
    expectExactly(job, rows)
  })
})

/** The last row waits for `letGo`: a quick machine would be through with all of them before they were struck. */
const many = someRows(3_000, id => (id === 2_999 ? 'wait' : id % 10 === 0 ? 'nap' : null))
const napping = `
def nap():
    time.sleep(0.002)
def wait():
    while not os.path.exists('flags/let-go'): time.sleep(0.01)
`
const letGo = (job: JobFolder): void => writeFileSync(join(job.path, 'flags', 'let-go'), '')

/** Kills all or one, with their server or without, at least twice. */
async function expectNothingChanged(strikes: Omit<Strikes, 'times' | 'struck'>): Promise<void> {
  const job = await faultJob(many, { faults: napping })
  const started = job.start(['--workers', '2', '--batch-rows', '64'])
  const { run, struck } = await killWorkers(job, started, {
    ...strikes,
    times: 4,
    struck: times => (times === 2 ? letGo(job) : undefined),
  })
  expect(run.code, run.stderr).toBe(0)
  expect(struck).toBeGreaterThan(1)
  expectExactly(job, many)
}

describe('W25 all workers die together, again and again', () => {
  test('and every key keeps its order', () => expectNothingChanged({ all: true }))
})

describe('the process that workers are forked of is killed with -9', () => {
  test('its workers go on, none is lost, and nothing changes', async () => {
    const job = await faultJob(many, { faults: napping })
    const started = job.start(['--workers', '2', '--batch-rows', '64'])
    await until(() => pidsOf(job).workers.length >= 2)
    const { workers } = pidsOf(job)
    const servers = [...new Set(workers.flatMap(serverOf))]
    for (const pid of servers) process.kill(pid, 'SIGKILL')
    letGo(job)
    const run = await started.ended
    expect([servers.length, run.code], run.stderr).toEqual([1, 0])
    expectExactly(job, many)
    expect(run.json?.['counters']).not.toHaveProperty('worker.lost')
  })

  test.each([
    ['and a worker with it', false],
    ['and all workers with it', true],
  ])('%s, again and again: nothing changes', (_name, all) => expectNothingChanged({ all, server: true }))
})

test('W26 a worker that is stopped, replaced and woken changes nothing', async () => {
  const faults = `
def fault():
    if once('stopped'): os.kill(os.getpid(), signal.SIGSTOP)
`
  const job = await faultJob(rows, { faults, decorator: ', timeout_ms=1000' })
  const started = job.start(['--workers', '2'])
  await until(() => flagged(job, 'stopped'))
  const { workers } = pidsOf(job)
  const run = await started.ended
  for (const pid of workers) expect(() => process.kill(pid, 'SIGCONT')).toThrow(/ESRCH/)
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
})

test('W21 children that a transform starts end with the job', async () => {
  const faults = `
def fault():
    child = subprocess.Popen(['sleep', '600'], start_new_session=False)
    open(os.path.join('flags', 'child-%d' % child.pid), 'w').close()
`
  const job = await faultJob(rows, { faults })
  expect((await job.run()).code).toBe(0)
  const children = childrenOf(job)
  expect(children.length).toBeGreaterThan(0)
  // Killed with the group; whoever inherits it may still have to reap it.
  for (const pid of children) await until(() => isGone(pid))
})

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

const childrenOf = (job: JobFolder): readonly number[] =>
  readdirSync(join(job.path, 'flags')).flatMap(name => (name.startsWith('child-') ? [Number(name.slice(6))] : []))

test('W22 a transform that spoils directory, mask, environment and descriptors hurts only its own call', async () => {
  const faults = `
def fault():
    os.chdir('/'); os.umask(0); os.environ.clear(); sys.path.clear()
    try: os.close(0)
    except OSError: pass  # an earlier row did it
`
  const job = await faultJob(
    someRows(400, id => (id % 100 === 37 ? 'fault' : null)),
    { faults },
  )
  const run = await job.run('--workers', '1', '--batch-rows', '50')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(
    job,
    someRows(400, id => (id % 100 === 37 ? 'fault' : null)),
  )
})

test('W24 a module that ends every process at its import stops the job with words, after few starts', async () => {
  const job = await faultJob(rows, {
    faults: `
if os.environ.get('HOME') and os.path.exists('flags/armed'):
    open(os.path.join('flags', str(os.getpid())), 'w').close()
    print('no licence', file=sys.stderr, flush=True)
    os._exit(7)
`,
  })
  writeFileSync(join(job.path, 'flags', 'armed'), '')
  const run = await job.run()
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(
    /ANB3004 .*, 3 in a row ended before their first batch[\s\S]*exited with 7[\s\S]*no licence/,
  )
  expect(readdirSync(join(job.path, 'flags')).filter(name => /^\d+$/.test(name))).toHaveLength(3)
  expect(job.rows('rows')).toEqual([])
})

test('W19 a transform that floods stdout and stderr is not held up, and the log of the host stays short', async () => {
  const faults = `
def fault():
    for _ in range(2_000):
        os.write(1, b'a line of a flood that nobody reads\\n' * 1_000)
    os.write(2, bytes(range(128, 256)) * 100_000)
`
  const job = await faultJob(rows, { faults })
  const run = await job.run('--workers', '2')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
  expect(run.stderr).toMatch(/bytes of stdout dropped/)
  expect(run.stderr.length).toBeLessThan(2 * 2 ** 20)
})

test('W20 a transform that ignores every signal is ended with its job all the same', async () => {
  const faults = `
def fault():
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    open(os.path.join('flags', 'child-%d' % os.getpid()), 'w').close()
`
  const job = await faultJob(rows, { faults })
  const run = await job.run('--workers', '1')
  expect(run.code, run.stderr).toBe(0)
  expectExactly(job, rows)
  const [ignorant] = childrenOf(job)
  expect(ignorant).toBeGreaterThan(0)
  await until(() => isGone(ignorant ?? 0))
})

test('W23 a module that imports for the types file and not in a worker stops the job before its first row', async () => {
  const job = await faultJob(rows, { faults: "if os.path.exists('flags/armed'):\n    import nothing_of_that_name\n" })
  writeFileSync(join(job.path, 'flags', 'armed'), '')
  const run = await job.run()
  expect(run.code).toBe(2)
  expect(run.stderr).toMatch(/^ANB1020 module transforms\.py could not be imported: .*nothing_of_that_name/m)
  expect(run.json).toHaveProperty('error.code', 'ANB1020')
  expect(job.rows('rows')).toEqual([])
})

test('W24 a module that ends every idle process stops the job too, with a pause before each new start', async () => {
  const job = await jobFolder({
    'transforms.py': `
import os, threading
import anabranch as ab
Row = ab.schema({"id": ab.int64})
@ab.transform(inputs={"id": ab.int64}, outputs={"twice": ab.int64})
def work(batch):
    return {"twice": batch.numpy("id") * 2}
if os.path.exists("armed"):
    open(os.path.join("starts", str(os.getpid())), "w").close()
    threading.Timer(0.2, os._exit, [7]).start()
`,
    'starts/.keep': '',
    'job.ts': `
import { files, job, json, socket } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('idle').from(socket('unix://' + import.meta.dirname + '/in.sock', json(t.Row))).apply(t.work).to(files.sink('rows/', json()))
`,
  })
  writeFileSync(join(job.path, 'armed'), '')
  const server = createServer().listen(join(job.path, 'in.sock'))
  const run = await job.run('--workers', '1')
  server.close()
  expect(run.code, run.stderr).toBe(1)
  expect(run.stderr).toMatch(/ANB3004 .*in a row ended before their first batch/)
  expect(readdirSync(join(job.path, 'starts')).length).toBeLessThanOrEqual(8)
})
