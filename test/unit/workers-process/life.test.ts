/** One worker process from its start to its end, with a stand-in that speaks the bytes of the protocol. */
import { describe, expect, it } from 'vitest'
import { TestWorker, alive, inWorld, same } from '../../support/worker.js'

const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7) & 255)
const text = (b: Uint8Array): string => new TextDecoder().decode(b)

describe('a worker process', () => {
  for (const mappingBytes of [2 ** 24, 0]) {
    const way = mappingBytes > 0 ? 'with a shared mapping' : 'with bodies in the frames'
    it(`answers calls of every size ${way} and stops when asked`, () =>
      inWorld(async world => {
        const worker = await new TestWorker(world, ['echo', 'inline'], { mappingBytes }).ready()
        expect(worker.told.ready[0]).toMatchObject({ pid: worker.pid, versions: { package: '0.1.0' } })
        for (const size of [0, 1, 4_000, 5_000, 100_001, 1_000_000]) {
          expect(same(await worker.ask('echo', bytes(size)), bytes(size))).toBe(true)
          expect(same(await worker.ask('inline', bytes(size)), bytes(size))).toBe(true)
        }
        expect(worker.process.inFlight).toBe(0)
        await worker.process.stop(10_000)
        expect(worker.told.lost).toMatchObject([{ because: 'stopped', code: 0, error: null, wasReady: true }])
      }))
  }

  it('takes many calls at once, more than its mapping holds, and answers each with its own bytes', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['echo'], { mappingBytes: 2 ** 20 }).ready()
      const calls = Array.from({ length: 40 }, (_, i) => bytes(1_000 * i))
      for (const call of calls) worker.call('echo', call)
      await worker.until(() => worker.told.replies.length === calls.length)
      expect(worker.told.replies.map(r => r.sequence)).toEqual(calls.map((_, i) => i + 1))
      expect(worker.told.replies.map((r, i) => same(r.tables[0]?.bytes, calls[i]))).toEqual(calls.map(() => true))
      await worker.process.stop(10_000)
    }))

  it('finishes the calls that are out before it stops', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['slow']).ready()
      worker.call('slow')
      await worker.process.stop(10_000)
      expect(worker.told.replies.map(r => text(r.tables[0]?.bytes ?? bytes(0)))).toEqual(['slow'])
      expect(worker.told.lost).toMatchObject([{ because: 'stopped', code: 0 }])
    }))

  it('is told lost once, however often it is killed and stopped', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['spin']).ready()
      worker.call('spin')
      worker.process.kill()
      worker.process.kill()
      await Promise.all([worker.process.stop(1_000), worker.process.stop(1_000)])
      worker.process.kill()
      expect(worker.told.lost).toMatchObject([{ because: 'killed', signal: 'SIGKILL', error: null }])
      expect(alive(world, worker.pid)).toBe(false)
    }))

  it('gets a clean environment: nothing of the host that the job did not name', () =>
    inWorld(async world => {
      const hostEnv = { ...process.env, AWS_SECRET_ACCESS_KEY: 'x', MODEL_PATH: '/m', PYTHONSTARTUP: '/x.py' }
      const worker = await new TestWorker(world, ['environment'], {
        hostEnv,
        passEnv: ['MODEL_PATH'],
        cwd: '/',
      }).ready()
      const seen = JSON.parse(text(await worker.ask('environment'))) as {
        env: Record<string, string>
        cwd: string
        fds: string[]
      }
      expect(seen.cwd).toBe('/')
      expect(seen.env).toMatchObject({
        MODEL_PATH: '/m',
        OMP_NUM_THREADS: '1',
        PYTHONHASHSEED: '0',
        PATH: process.env['PATH'],
      })
      const inherited = 'PATH|HOME|USER|LANG|LC_ALL|LC_CTYPE|TZ|TMPDIR|LD_LIBRARY_PATH|MODEL_PATH'
      const ours =
        'ARROW_DEFAULT_MEMORY_POOL|JE_ARROW_MALLOC_CONF|PYARROW_IGNORE_TIMEZONE|MALLOC_\\w+|PYTHON\\w+|ANABRANCH_RUN|\\w+_NUM_THREADS|POLARS_MAX_THREADS'
      const allowed = new RegExp(`^(${inherited}|${ours})$`)
      expect(Object.keys(seen.env).filter(name => !allowed.test(name))).toEqual([])
      expect(seen.env['PYTHONSTARTUP']).toBeUndefined()
      await worker.process.stop(10_000)
    }))

  it('has its log records told with file and line', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['log']).ready()
      await worker.ask('log')
      expect(worker.told.logs).toEqual([
        { level: 'warning', logger: 'user', message: 'look', file: 't.py', line: 7, transform: 'f' },
      ])
      await worker.process.stop(10_000)
    }))

  it('knows its peak memory', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, ['echo']).ready()
      worker.process.kill()
      expect((await worker.lost()).peakRssBytes).toBeGreaterThan(5_000_000)
    }))
})

describe('a worker that cannot start is lost with words', () => {
  const rows: readonly [string, Parameters<typeof start>[0], object][] = [
    ['its interpreter does not exist', { python: '/nowhere/python' }, { because: 'exit', error: { code: 'ANB8001' } }],
    [
      'its package is another version',
      { packageVersion: '9.9.9' },
      { because: 'protocol', error: { code: 'ANB5002' } },
    ],
    [
      'it speaks another protocol',
      { env: { STAND_IN_PROTOCOL: '2' } },
      { because: 'protocol', error: { code: 'ANB5002' } },
    ],
    [
      'it does not know the token',
      { env: { STAND_IN_TOKEN: 'guess' } },
      { because: 'protocol', error: { code: 'ANB5001' } },
    ],
    [
      'W24 it dies at every start',
      { open: { start: 'die' } },
      { because: 'exit', code: 1, error: { code: 'ANB3003' } },
    ],
    ['W23 a module does not import', { open: { start: 'refuse' } }, { because: 'refused', error: { code: 'ANB1020' } }],
    [
      'it hangs while it opens',
      { open: { start: 'hang' }, startTimeoutMs: 1_500 },
      { because: 'start-timeout', error: { code: 'ANB3003' } },
    ],
  ]
  const start = (options: {
    python?: string
    packageVersion?: string
    env?: Record<string, string>
    open?: Record<string, unknown>
    startTimeoutMs?: number
  }): Promise<unknown> => {
    const { env, ...rest } = options
    const more = env === undefined ? {} : { hostEnv: { ...process.env, ...env }, passEnv: Object.keys(env) }
    let reason: unknown
    return inWorld(async world => {
      const worker = new TestWorker(world, [], { ...rest, ...more })
      reason = await worker.lost()
      expect(worker.told.ready).toEqual([])
      const { pid } = worker.process
      expect(pid !== null && alive(world, pid)).toBe(false)
    }).then(() => reason)
  }
  for (const [name, options, expected] of rows) {
    it(name, async () => expect(await start(options)).toMatchObject({ wasReady: false, ...expected }))
  }

  it('with what it printed last', async () => {
    const reason = await start({ open: { start: 'die' } })
    expect(reason).toMatchObject({ stderr: 'could not load the model' })
  })
})
