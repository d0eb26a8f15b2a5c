/** What a worker process may do to its host: die, hang, flood, lie. Each test injects one fault into a real process. */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { type RealWorld } from '../../../src/runtime/open/world.js'
import { type LostReason } from '../../../src/workers/start/index.js'
import { HandClock } from '../../support/connectors.js'
import { TestWorker, alive, inWorld, same } from '../../support/worker.js'

const payload = new Uint8Array(100_000).fill(7)

/** Calls one behaviour and awaits the worker's end. */
async function end(behaviour: string, meanwhile: (worker: TestWorker) => void = () => undefined): Promise<LostReason> {
  let reason: LostReason | undefined
  await inWorld(async world => {
    const worker = await new TestWorker(world, [behaviour]).ready()
    worker.call(behaviour, payload)
    meanwhile(worker)
    reason = await worker.lost()
    expect(worker.told.lost).toHaveLength(1)
    expect(worker.told.replies).toEqual([])
    expect(alive(world, worker.pid)).toBe(false)
  })
  if (reason === undefined) throw new Error('never lost')
  return reason
}

const kill = (worker: TestWorker): void => worker.process.kill()

/** A world in which the end of a process is heard so much later. */
const hearingLate = (world: RealWorld, ms: number): RealWorld => ({
  ...world,
  processes: {
    spawn: (command, options, events) =>
      world.processes.spawn(command, options, {
        ...events,
        exit: end => void world.clock.after(ms, () => events.exit(end)),
      }),
  },
})

describe('a worker that dies in a call is lost, with how it died', () => {
  const rows: readonly [string, string, object, ((worker: TestWorker) => void)?][] = [
    [
      'W2 kill -9',
      'spin',
      { because: 'exit', signal: 'SIGKILL', error: { code: 'ANB3001' } },
      w => process.kill(w.pid, 'SIGKILL'),
    ],
    ['W4 kill -9 with its reply half sent', 'die-sending', { because: 'exit', signal: 'SIGKILL' }],
    ['W5 a loop without end, killed at its deadline', 'spin', { because: 'killed', signal: 'SIGKILL' }, kill],
    ['W6 native code that holds the interpreter', 'regex', { because: 'killed', signal: 'SIGKILL' }, kill],
    [
      'W11 a segmentation fault',
      'segfault',
      { because: 'exit', signal: 'SIGSEGV', stderr: expect.stringContaining('Segmentation fault') },
    ],
    ['W12 abort()', 'abort', { because: 'exit', signal: 'SIGABRT', stderr: expect.stringContaining('Aborted') }],
    ['W13 os._exit(3)', 'exit', { because: 'exit', code: 3, error: { code: 'ANB3001' } }],
    ['W13 os._exit(0)', 'exit-zero', { because: 'exit', code: 0, error: { code: 'ANB3001' } }],
    // libzmq aborts a process whose descriptors are gone; on a busy machine that takes longer than we wait for it.
    [
      'W22 it closes its descriptors',
      'close-descriptors',
      { because: expect.stringMatching(/^(disconnect|exit)$/), error: { code: 'ANB3001' } },
    ],
  ]
  for (const [name, behaviour, expected, meanwhile] of rows) {
    it(name, async () => expect(await end(behaviour, meanwhile)).toMatchObject(expected))
  }

  it('W3 a reply that was sent before the death is told, and told once', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['reply-then-die']).ready()
      worker.call('reply-then-die', payload)
      await worker.lost()
      expect(worker.told.replies.map(r => same(r.tables[0]?.bytes, payload))).toEqual([true])
      expect(worker.told.lost).toHaveLength(1)
    }))

  it('T4 a call to a process that has just died is lost with it, and nothing waits', () =>
    inWorld(async world => {
      // No timer ever rings.
      const worker = await new TestWorker({ ...world, clock: new HandClock() }, ['echo']).ready()
      process.kill(worker.pid, 'SIGKILL')
      for (let i = 0; i < 20; i += 1) worker.call('echo', payload)
      expect(await worker.lost()).toMatchObject({ because: 'exit', signal: 'SIGKILL' })
      worker.call('echo', payload)
      expect(worker.told.replies).toEqual([])
    }))

  // On a busy machine it was told as one that broke its connection, which blames its rows.
  it('W2 a worker that was killed is told so, though its end is heard long after its connection broke', () =>
    inWorld(async world => {
      const worker = await new TestWorker(hearingLate(world, 1_000), ['spin']).ready()
      worker.call('spin')
      process.kill(worker.pid, 'SIGKILL')
      expect(await worker.lost()).toMatchObject({ because: 'exit', signal: 'SIGKILL' })
    }))

  it('W20 a worker that ignores every signal is gone after its grace', () =>
    inWorld(async world => {
      const clock = new HandClock()
      const worker = await new TestWorker({ ...world, clock }, ['ignore-signals']).ready()
      await worker.ask('ignore-signals')
      const stopped = worker.process.stop(500)
      clock.advance(499)
      expect(worker.told.lost).toEqual([])
      clock.advance(1)
      await stopped
      expect(worker.told.lost).toMatchObject([{ because: 'stopped', signal: 'SIGKILL' }])
    }))

  it('W21 what it started dies with it', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['child']).ready()
      const { pid } = JSON.parse(new TextDecoder().decode(await worker.ask('child'))) as { pid: number }
      expect(alive(world, pid)).toBe(true)
      worker.process.kill()
      await worker.lost()
      expect(alive(world, pid)).toBe(false)
    }))
})

describe('frames that a worker should not send', () => {
  const refused: readonly [string, string][] = [
    ['T7 noise', 'garbage'],
    ['T7 an empty message', 'empty'],
    ['T7 an extra part', 'two-parts'],
    ['T7 a truncated frame', 'truncated'],
    ['a reply that lies outside its space in the mapping', 'outside-mapping'],
    ['a reply that repeats another lane than its call', 'other-lane'],
  ]
  for (const [name, behaviour] of refused) {
    it(`${name} ends the worker as a protocol fault`, async () =>
      expect(await end(behaviour)).toMatchObject({
        because: 'protocol',
        error: { class: 'ProtocolError', code: 'ANB5001' },
      }))
  }

  const dropped: readonly [string, string, string][] = [
    ['T1 a second reply', 'twice', 'stale'],
    ['T2 a reply of another incarnation', 'other-incarnation', 'foreign'],
    ['T3 a reply of another run', 'other-run', 'foreign'],
    ['a reply to another attempt', 'other-attempt', 'stale'],
  ]
  for (const [name, behaviour, why] of dropped) {
    it(`${name} is dropped and told, and the right one is used once`, () =>
      inWorld(async world => {
        const worker = await new TestWorker(world, [behaviour, 'echo']).ready()
        expect(same(await worker.ask(behaviour, payload), payload)).toBe(true)
        expect(same(await worker.ask('echo', payload), payload)).toBe(true)
        expect(worker.told.dropped).toEqual([why])
        expect(worker.told.replies.map(r => r.sequence)).toEqual([1, 2])
        await worker.process.stop(10_000)
      }))
  }

  it('a worker that shrinks the mapping is refused by the kernel', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['truncate-mapping', 'echo']).ready()
      expect(new TextDecoder().decode(await worker.ask('truncate-mapping', payload))).toBe('PermissionError')
      expect(same(await worker.ask('echo', payload), payload)).toBe(true)
      await worker.process.stop(10_000)
    }))
})

describe('output', () => {
  for (const behaviour of ['flood-lines', 'flood-binary']) {
    it(`W19 ${behaviour}: a quarter of a gigabyte never blocks the worker and leaves a few lines and a count`, () =>
      inWorld(async world => {
        const worker = await new TestWorker(world, [behaviour]).ready()
        await worker.ask(behaviour)
        await worker.process.stop(10_000)
        expect(worker.told.lines.length).toBeLessThan(200 * 60)
        expect(Math.max(...worker.told.lines.map(line => line.length))).toBeLessThanOrEqual(8_192 + 'stdout: '.length)
        expect(worker.told.lines.filter(line => /bytes of stdout dropped/.test(line)).length).toBeGreaterThan(0)
      }))
  }
})

describe('T9 an event loop that stood still', () => {
  it('hears the reply that waited before any deadline rings', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['slow']).ready()
      const order: string[] = []
      worker.call('slow')
      world.clock.after(1_000, () => order.push(worker.told.replies.length === 1 ? 'reply first' : 'deadline first'))
      execFileSync('/bin/sleep', ['3'])
      await worker.until(() => worker.told.replies.length === 1)
      await new Promise<void>(resolve => world.clock.after(0, resolve))
      expect(order).toEqual(['reply first'])
      await worker.process.stop(10_000)
    }))
})

describe('heartbeats', () => {
  const heartbeat = { everyMs: 100, timeoutMs: 800 }
  const rows: readonly (readonly [name: string, behaviours: readonly string[]])[] = [
    ['W26 an idle worker that is stopped', []],
    ['W26 a busy worker that is stopped', ['wait']],
    ['W26 a worker that is stopped with its answer half made', ['slow']],
  ]
  for (const [name, behaviours] of rows)
    it(`${name} is ended when it has answered none for the term, and is reaped`, () =>
      inWorld(async world => {
        const worker = await new TestWorker(world, behaviours, { heartbeat }).ready()
        for (const behaviour of behaviours) worker.call(behaviour)
        const before = performance.now()
        process.kill(worker.pid, 'SIGSTOP')
        expect(await worker.lost()).toMatchObject({ because: 'heartbeat', error: { code: 'ANB3006' } })
        expect(performance.now() - before).toBeGreaterThan(heartbeat.timeoutMs - heartbeat.everyMs)
        expect([worker.told.replies, alive(world, worker.pid)]).toEqual([[], false])
      }))

  /** A busy machine may leave any process alone for a while. */
  const long = { everyMs: 100, timeoutMs: 3_000 }

  it('are answered by a worker that holds its interpreter, which therefore is left alone', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['regex'], { heartbeat: long }).ready()
      worker.call('regex')
      await new Promise<void>(resolve => world.clock.after(1.3 * long.timeoutMs, resolve))
      expect(worker.told.lost).toEqual([])
      worker.process.kill()
      expect(await worker.lost()).toMatchObject({ because: 'killed' })
    }))

  it('T9 are heard while the event loop of the host stands still: nobody is ended for that', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['echo'], { heartbeat: long }).ready()
      execFileSync('/bin/sleep', [`${(1.3 * long.timeoutMs) / 1_000}`])
      expect(same(await worker.ask('echo', payload), payload)).toBe(true)
      await new Promise<void>(resolve => world.clock.after(1_000, resolve))
      expect(worker.told.lost).toEqual([])
      await worker.process.stop(10_000)
    }))

  it('W26 a worker that wakes before the term goes on, and its late reply is used', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['slow'], { heartbeat: { everyMs: 50, timeoutMs: 5_000 } }).ready()
      worker.call('slow')
      process.kill(worker.pid, 'SIGSTOP')
      await new Promise<void>(resolve => world.clock.after(1_000, resolve))
      expect([worker.told.replies, worker.told.lost]).toEqual([[], []])
      process.kill(worker.pid, 'SIGCONT')
      await worker.until(() => worker.told.replies.length === 1)
      await worker.process.stop(10_000)
    }))
})
