/** Nothing outlives the host: real hosts are killed with -9 while their workers are busy. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { startGuard } from '../../../src/runtime/open/guard.js'
import { makeRunFolder } from '../../../src/runtime/open/run-folder.js'
import { openWorld } from '../../../src/runtime/open/world.js'
import { alive, inWorld, root } from '../../support/worker.js'

interface Said {
  readonly worker: number
  readonly folder: string
  readonly replies: readonly { readonly pid: number }[]
}

async function startHost(behaviours: readonly string[]): Promise<{ host: ChildProcess; said: Said }> {
  const host = spawn(process.execPath, ['--import', 'tsx', `${root}test/support/host.ts`, ...behaviours], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: host.stdout })) return { host, said: JSON.parse(line) as Said }
  throw new Error('the host said nothing')
}

/** Resolves when it holds; the test's own limit ends a wait for ever. */
async function becomes(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}

describe('when the host is killed with -9 nothing of it is left', () => {
  const rows: readonly [string, readonly string[]][] = [
    ['an idle worker', ['child', 'echo']],
    ['W21 a worker that started a process of its own', ['child', 'wait']],
    ['W6 a worker that holds the interpreter in a regular expression', ['child', 'regex']],
    ['W20 a worker that ignores signals', ['child', 'ignore-signals']],
  ]
  for (const [name, behaviours] of rows) {
    it(`T5 O12 ${name}`, () =>
      inWorld(async world => {
        const { host, said } = await startHost(behaviours)
        const pids = [said.worker, ...said.replies.map(reply => reply.pid)]
        expect(pids.map(pid => alive(world, pid))).toEqual([true, true])
        expect(existsSync(said.folder)).toBe(true)
        host.kill('SIGKILL')
        await once(host, 'exit')
        await becomes(() => !pids.some(pid => alive(world, pid)) && !existsSync(said.folder))
      }))
  }
})

describe('the guard', () => {
  const sleeper = (): ChildProcess => spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' })
  const pidOf = (child: ChildProcess): number => child.pid ?? 0

  it('kills what is registered and leaves what was released, when the pipe ends', () =>
    inWorld(async world => {
      const guard = startGuard()
      const children = [sleeper(), sleeper(), sleeper()]
      const [a = 0, b = 0, c = 0] = children.map(pidOf)
      for (const pid of [a, b, c]) guard.watch(pid)
      guard.release(b)
      await guard.close()
      await becomes(() => !alive(world, a) && !alive(world, c))
      expect(alive(world, b)).toBe(true)
      process.kill(b, 'SIGKILL')
    }))

  it('never kills another process that got a registered pid: its start time differs', () =>
    inWorld(async world => {
      const child = sleeper()
      const guard = startGuard(() => '1')
      guard.watch(pidOf(child))
      await guard.close()
      expect(alive(world, pidOf(child))).toBe(true)
      child.kill('SIGKILL')
    }))

  it('removes its folder, whatever its name', async () => {
    const place = mkdtempSync(join(tmpdir(), 'guard-'))
    const folder = join(place, "a b  'c' $HOME *")
    mkdirSync(join(folder, 'deep'), { recursive: true })
    const guard = startGuard()
    guard.folder(folder)
    await guard.close()
    expect(readdirSync(place)).toEqual([])
    rmSync(place, { recursive: true })
  })

  // `child.stdin` is not there then, which was told as a mistake of Anabranch itself.
  it('that gets no descriptor is a limit of the machine, told with what to raise, and leaves no folder', async () => {
    const starved = `
      import { openSync, readdirSync } from 'node:fs'
      const { openWorld } = await import('${root}src/runtime/open/world.ts')
      try { for (;;) openSync('/dev/null', 'r') } catch {}
      try { openWorld() } catch ({ class: kind, code, hint }) { console.log(JSON.stringify([kind, code, hint])) }`
    const place = mkdtempSync(join(tmpdir(), 'guard-'))
    const argv = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', starved]
    const host = spawn('/bin/sh', ['-c', 'ulimit -n 100; exec "$0" "$@"', ...argv], {
      cwd: root,
      env: { ...process.env, XDG_RUNTIME_DIR: place },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const said: string[] = []
    for await (const line of createInterface({ input: host.stdout })) said.push(line)
    const hint = 'raise the number of open files: ulimit -n 4096'
    expect(said.map(line => JSON.parse(line) as unknown)).toEqual([['WorkerError', 'ANB8004', hint]])
    expect(readdirSync(place)).toEqual([])
    rmSync(place, { recursive: true })
  })

  it('lets a host end that forgot to close its world, and cleans up behind it', () =>
    inWorld(async () => {
      const forgetful = `import('${root}src/runtime/open/world.ts').then(m => console.log(m.openWorld().runFolder))`
      const host = spawn(process.execPath, ['--import', 'tsx', '-e', forgetful], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let folder = ''
      host.stdout.on('data', bytes => (folder += String(bytes).trim()))
      const [code] = (await once(host, 'close')) as [number]
      expect([code, folder.includes('/anabranch-')]).toEqual([0, true])
      await becomes(() => !existsSync(folder))
    }))
})

describe('the private folder of a run', () => {
  it('is fresh, ours alone, and gone when the world closes', async () => {
    const [a, b] = [openWorld(), openWorld()]
    expect(a.runFolder).not.toBe(b.runFolder)
    expect(statSync(a.runFolder).mode & 0o777).toBe(0o700)
    await Promise.all([a.close(), b.close(), a.close()])
    expect([existsSync(a.runFolder), existsSync(b.runFolder)]).toEqual([false, false])
  })

  it('T10 is refused where its path would be too long for sockets, with the limit', () => {
    const place = mkdtempSync(join(tmpdir(), 'long-'))
    const long = join(place, 'x'.repeat(90))
    mkdirSync(long)
    expect(() => makeRunFolder({ XDG_RUNTIME_DIR: long })).toThrow(/at most 95 bytes, its path has \d+/)
    rmSync(place, { recursive: true })
  })

  it('is told to the guard before it is there, so that a host killed between the two leaves nothing', () => {
    const place = mkdtempSync(join(tmpdir(), 'told-'))
    const told: (readonly [string, boolean])[] = []
    const folder = makeRunFolder({ XDG_RUNTIME_DIR: place }, path => told.push([path, existsSync(path)]))
    expect([told, existsSync(folder)]).toEqual([[[folder, false]], true])
    rmSync(place, { recursive: true })
  })

  it('falls back to the temporary folder where the runtime folder does not exist', () => {
    const folder = makeRunFolder({ XDG_RUNTIME_DIR: '/nowhere/at/all' })
    expect(folder.startsWith(tmpdir())).toBe(true)
    rmSync(folder, { recursive: true })
  })
})
