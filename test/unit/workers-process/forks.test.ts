/** Workers that are forked: what they have, and what becomes of them when their server, their host or both are killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { Forks } from '../../../src/runtime/open/forks.js'
import { startGuard } from '../../../src/runtime/open/guard.js'
import { type RealWorld } from '../../../src/runtime/open/world.js'
import { descriptors } from '../../../src/transport/index.js'
import { serverOf } from '../../support/strike.js'
import { TestWorker, alive, inWorld, python, root, same } from '../../support/worker.js'

const real = {
  packageFolder: `${root}python`,
  open: { job: 'test', role: 'io', params: {}, memoryBytes: 0, stages: [] },
  role: 'io' as const,
}

const statOf = (pid: number): readonly string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
/** The fork server, of a worker. */
const parentOf = (pid: number): number => Number(statOf(pid)[1])
const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')

/** Resolves when it holds; the test's own limit ends a wait for ever. */
async function becomes(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}

/** A world whose processes are all spawned. */
const spawning = (world: RealWorld): RealWorld => ({
  ...world,
  processes: {
    spawn: (command, { fork, env, ...options }, events) =>
      world.processes.spawn(command, { ...options, env: { ...env, ...fork?.env } }, events),
  },
})

describe('a forked worker', () => {
  it('has a server that forks all others of its run, and a session of its own', () =>
    inWorld(async world => {
      const workers = await Promise.all([1, 2, 3].map(n => new TestWorker(world, ['echo'], { incarnation: n }).ready()))
      const [server, ...others] = new Set(workers.map(({ pid }) => parentOf(pid)))
      expect([commandOf(server ?? 0), others]).toEqual([expect.stringContaining('_worker fork-server'), []])
      for (const { pid } of workers) expect(statOf(pid).slice(2, 4).map(Number)).toEqual([pid, pid])
      for (const worker of workers) {
        expect(same(await worker.ask('echo', new Uint8Array(100_000)), new Uint8Array(100_000))).toBe(true)
        await worker.process.stop(10_000)
      }
      expect(workers.map(({ told }) => told.lost[0]?.because)).toEqual(['stopped', 'stopped', 'stopped'])
    }))

  it('has another server where it has another environment', () =>
    inWorld(async world => {
      const [a, b] = await Promise.all([
        new TestWorker(world, [], { incarnation: 1 }).ready(),
        new TestWorker(world, [], {
          incarnation: 2,
          hostEnv: { ...process.env, MODEL: '/m' },
          passEnv: ['MODEL'],
        }).ready(),
      ])
      expect(parentOf(a.pid)).not.toBe(parentOf(b.pid))
    }))

  it('has all that a spawned one has: limits, signals, folder, descriptors, threads and priority', () =>
    inWorld(async world => {
      const forked = await new TestWorker(world, [], { ...real, incarnation: 1 }).ready()
      const spawned = await new TestWorker(world, [], { ...real, incarnation: 2, world: spawning(world) }).ready()
      expect([commandOf(parentOf(forked.pid)), parentOf(spawned.pid)]).toEqual([
        expect.stringContaining('fork-server'),
        process.pid,
      ])
      expect(factsOf(forked.pid)).toEqual(factsOf(spawned.pid))
      expect(factsOf(forked.pid)['oom_score_adj']).toBe('800')
    }))

  const ends: readonly (readonly [behaviour: string, end: object])[] = [
    ['exit', { code: 3, signal: null }],
    ['exit-zero', { code: 0, signal: null }],
    ['segfault', { code: null, signal: 'SIGSEGV' }],
    ['abort', { code: null, signal: 'SIGABRT' }],
  ]
  it.each(ends)('has its end told exactly: %s', (behaviour, end) =>
    inWorld(async world => {
      const worker = await new TestWorker(world, [behaviour]).ready()
      worker.call(behaviour)
      expect(await worker.lost()).toMatchObject({ because: 'exit', ...end })
    }),
  )
})

/** What the kernel knows of a process and a fork might have taken over, or lost. */
function factsOf(pid: number): Readonly<Record<string, unknown>> {
  const text = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'latin1')
  const status = Object.fromEntries(
    ['SigBlk', 'SigIgn', 'SigCgt', 'Threads', 'Umask', 'NoNewPrivs', 'Seccomp'].map(name => [
      name,
      new RegExp(`^${name}:\\s+(.+)$`, 'm').exec(text('status'))?.[1],
    ]),
  )
  const kinds = readdirSync(`/proc/${pid}/fd`)
    .map(fd => readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d+/, 'N'))
    .toSorted()
  return {
    ...status,
    limits: text('limits').replace(/^Max address space.*$/m, ''),
    cwd: readlinkSync(`/proc/${pid}/cwd`),
    descriptors: kinds,
    first: ['0', '1', '2', '3'].map(fd => readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d+/, 'N')),
    oom_score_adj: text('oom_score_adj').trim(),
    nice: statOf(pid)[16],
    terminal: statOf(pid)[4],
  }
}

describe('when the fork server is killed with -9', () => {
  it('its workers go on, their end is told all the same, and the next ones have another server', () =>
    inWorld(async world => {
      const [first, second] = await Promise.all(
        [1, 2].map(n => new TestWorker(world, ['echo', 'spin'], { incarnation: n }).ready()),
      )
      if (first === undefined || second === undefined) throw new Error('expected two workers')
      const server = parentOf(first.pid)
      process.kill(server, 'SIGKILL')
      await becomes(() => !alive(world, server))
      const third = await new TestWorker(world, ['echo'], { incarnation: 3 }).ready()
      const payload = Uint8Array.of(1, 2, 3)
      expect([await first.ask('echo', payload), await third.ask('echo', payload)]).toEqual([payload, payload])
      expect([commandOf(parentOf(third.pid)), parentOf(third.pid) === server]).toEqual([
        expect.stringContaining('fork-server'),
        false,
      ])
      second.call('spin')
      process.kill(second.pid, 'SIGKILL')
      expect(await second.lost()).toMatchObject({ because: 'exit', wasReady: true, error: { code: 'ANB3001' } })
      await first.process.stop(10_000)
      expect(first.told.lost).toMatchObject([{ because: 'stopped' }])
    }))

  it('at any moment, each worker that was asked for comes up, and no process is left', () =>
    inWorld(async world => {
      let servers: readonly number[] = []
      for (let n = 1; n <= 24; n += 3) {
        const workers = [0, 1, 2].map(i => new TestWorker(world, ['echo'], { incarnation: n + i }))
        // Further on from round to round: before it is asked for, while it forks, behind it.
        for (let turn = 0; turn < n; turn += 1) await new Promise(resolve => setImmediate(resolve))
        for (const pid of servers) if (alive(world, pid)) process.kill(pid, 'SIGKILL')
        for (const worker of workers) await worker.ready()
        const pids = workers.map(({ pid }) => pid)
        servers = [...new Set(pids.flatMap(serverOf))]
        for (const worker of workers) await worker.process.stop(10_000)
        expect(pids.filter(pid => alive(world, pid))).toEqual([])
      }
      await becomes(() => marked(world.runFolder).every(isServerOrGone))
    }))

  it('T5 O12 its workers still end with the host, by the kernel alone', () =>
    inWorld(async world => {
      const script = `
        const { TestWorker } = await import('${root}test/support/worker.ts')
        const { openWorld } = await import('${root}src/runtime/open/world.ts')
        const worker = await new TestWorker(openWorld(), [], ${JSON.stringify(real)}).ready()
        console.log(worker.pid)`
      const host = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let worker = 0
      for await (const line of createInterface({ input: host.stdout })) {
        worker = Number(line)
        break
      }
      const folder = /ANABRANCH_RUN=([^\0]+)/.exec(environmentOf(`${worker}`))?.[1] ?? ''
      // The guard, and the fork server.
      const children = childrenOf(host.pid ?? 0).filter(pid => /shift 19|fork-server/.test(commandOf(pid)))
      expect(children.length).toBe(2)
      for (const pid of children) process.kill(pid, 'SIGKILL')
      await becomes(() => !children.some(pid => alive(world, pid)))
      expect(alive(world, worker)).toBe(true)
      host.kill('SIGKILL')
      await once(host, 'exit')
      await becomes(() => !alive(world, worker))
      for (const pid of marked(folder)) process.kill(pid, 'SIGKILL')
      rmSync(folder, { recursive: true })
    }))
})

const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}
const pids = (): readonly number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
const childrenOf = (parent: number): readonly number[] =>
  pids().filter(pid => {
    try {
      return parentOf(pid) === parent
    } catch {
      return false
    }
  })
const isServerOrGone = (pid: number): boolean => {
  try {
    return commandOf(pid).includes('fork-server')
  } catch {
    return true
  }
}
const marked = (folder: string): readonly number[] =>
  pids().filter(pid => environmentOf(`${pid}`).includes(`ANABRANCH_RUN=${folder}\0`))

describe('a fork server that does not do its work', () => {
  /** Forks with short terms, over the real processes of the world. */
  const impatient = (world: RealWorld, body: (world: RealWorld) => Promise<void>): Promise<void> => {
    const native = descriptors()
    if (native === null) throw new Error('expected a system that sends descriptors')
    const guard = startGuard()
    const alone = world.processes.spawn.bind(world.processes)
    const forks = new Forks({ native, guard, alone, deadlines: { readyMs: 20_000, answerMs: 500 } })
    const processes: RealWorld['processes'] = {
      spawn: (command, { fork, ...options }, events) =>
        fork === undefined ? alone(command, options, events) : forks.spawn(command, { ...options, fork }, events),
    }
    return body({ ...world, processes }).finally(() => {
      forks.close()
      return guard.close()
    })
  }

  it('but stands still is replaced after its term; its workers go on, and who waited for it is forked of the next', () =>
    inWorld(world =>
      impatient(world, async own => {
        const first = await new TestWorker(own, ['echo'], { incarnation: 1 }).ready()
        const server = parentOf(first.pid)
        process.kill(server, 'SIGSTOP')
        const second = await new TestWorker(own, [], { incarnation: 2 }).ready()
        expect([alive(world, server), commandOf(parentOf(second.pid))]).toEqual([
          false,
          expect.stringContaining('fork-server'),
        ])
        expect(await first.ask('echo', Uint8Array.of(7))).toEqual(Uint8Array.of(7))
        first.process.kill()
        await first.lost()
        await second.process.stop(10_000)
      }),
    ))

  /** With code that Python runs as it starts, as it does what a package leaves in site-packages. */
  function customized(
    customize: string,
    body: (world: RealWorld, options: typeof real & { readonly packageFolder: string }) => Promise<void>,
  ): Promise<void> {
    return inWorld(async world => {
      const packageFolder = mkdtempSync(join(tmpdir(), 'forks-'))
      mkdirSync(packageFolder, { recursive: true })
      symlinkSync(`${root}python/anabranch`, join(packageFolder, 'anabranch'))
      writeFileSync(join(packageFolder, 'sitecustomize.py'), customize)
      await body(world, { ...real, packageFolder })
      rmSync(packageFolder, { recursive: true })
    })
  }

  const atFork = (when: 'after_in_parent' | 'after_in_child'): string =>
    `import os, signal, sys\nif sys.argv[-1:] == ["fork-server"]: os.register_at_fork(${when}=lambda: os.kill(os.getpid(), signal.SIGKILL))`

  const broken: readonly (readonly [name: string, customize: string, says: RegExp])[] = [
    [
      'W7 since something started a thread in it',
      'import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()',
      /ANB3007 expected a fork server with one thread, it has python, python/,
    ],
    [
      'but ends',
      'import sys\nif sys.argv[-1:] == ["fork-server"]: sys.exit("not today")',
      /ANB3007 expected a fork server to start, it ended[\s\S]*not today/,
    ],
    [
      'but says what nobody understands',
      'import os, sys\nif sys.argv[-1:] == ["fork-server"]: os.write(3, b"\\xff\\n")',
      /ANB3007 expected of the fork server JSON/,
    ],
  ]
  it.each(broken)('%s: workers are spawned, and the first one says why', (_name, customize, says) =>
    customized(customize, async (world, options) => {
      const workers = []
      for (const incarnation of [1, 2])
        workers.push(await new TestWorker(world, [], { ...options, incarnation }).ready())
      expect(workers.map(({ pid }) => parentOf(pid))).toEqual([process.pid, process.pid])
      expect(workers.map(({ told }) => told.lines.length > 0)).toEqual([true, false])
      expect(workers[0]?.told.lines.join('\n').replaceAll('stderr: ', '')).toMatch(says)
      for (const worker of workers) await worker.process.stop(10_000)
    }),
  )

  it('but is killed behind each fork: the workers go on, each of another server', () =>
    customized(atFork('after_in_parent'), async (world, options) => {
      const workers = [1, 2].map(incarnation => new TestWorker(world, [], { ...options, incarnation }))
      for (const worker of workers) await worker.ready()
      expect(workers.map(({ pid }) => [alive(world, pid), parentOf(pid) === process.pid])).toEqual(
        workers.map(() => [true, false]),
      )
      for (const worker of workers) await worker.process.stop(10_000)
    }))

  it('but each worker is killed before it says that it is there: its end is told', () =>
    customized(atFork('after_in_child'), async (world, options) => {
      const worker = new TestWorker(world, [], options)
      expect(await worker.lost()).toMatchObject({ because: 'exit', wasReady: false })
      expect(worker.told.lines.join('\n')).toContain('it was killed before it began')
    }))

  it('for want of an interpreter is no second way to say so', () =>
    inWorld(async world => {
      const worker = new TestWorker(world, [], { python: `${python}-nowhere` })
      expect(await worker.lost()).toMatchObject({ because: 'exit', error: { code: 'ANB8001' } })
    }))
})
