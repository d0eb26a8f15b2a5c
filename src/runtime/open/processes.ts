/**
 * The real processes. Each child leads a process group of its own, so that what it starts dies with it, and is
 * registered with the guard for as long as it lives, so that nothing outlives the host.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { AnabranchError, type Child, type ChildEvents, type Processes, WorkerError } from '../../base/index.js'
import { descriptors } from '../../transport/index.js'
import { killGroup, lingering } from './ending.js'
import { type SpawnOptions } from './forked.js'
import { Forks } from './forks.js'
import { type Guard } from './guard.js'

/** `close`: no fork server is started any more; what runs is the guard's. */
export function realProcesses(guard: Guard): Processes & { close(): void } {
  const alone: Processes['spawn'] = (command, options, events) => spawnAlone(guard, command, options, events)
  const native = descriptors()
  if (native === null) return { spawn: alone, close: () => undefined }
  const forks = new Forks({ native, guard, alone })
  return {
    spawn: (command, options, events) => {
      const { fork } = options
      return fork === undefined ? alone(command, options, events) : forks.spawn(command, { ...options, fork }, events)
    },
    close: () => forks.close(),
  }
}

function spawnAlone(guard: Guard, command: readonly string[], options: SpawnOptions, events: ChildEvents): Child {
  const [file = '', ...args] = command
  const child = spawnOrThrow(file, args, options)
  const pid = child.pid
  if (pid === undefined) {
    // The error event that follows names the reason; the caller learns it as an exit, as of any other process.
    child.once('error', error => {
      events.stderr(Buffer.from(`${error.message}\n`))
      events.exit({ code: 127, signal: null })
    })
    return { pid: 0, kill: () => undefined }
  }
  guard.watch(pid)
  process.nextTick(() => events.started?.())
  return attach(child, pid, guard, events)
}

function spawnOrThrow(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  try {
    return spawn(file, args, {
      detached: true,
      cwd: options.cwd,
      env: { ...options.env, ...options.fork?.env },
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe', ...(options.fds ?? [])],
    })
  } catch (cause) {
    if (cause instanceof AnabranchError) throw cause
    throw new WorkerError('ANB8004', `could not start one more process: ${String(cause)}`, { cause })
  }
}

function attach(child: ChildProcess, pid: number, guard: Guard, events: ChildEvents): Child {
  let reaped = false
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  child.stdout?.on('data', (bytes: Buffer) => events.stdout(bytes))
  child.stderr?.on('data', (bytes: Buffer) => events.stderr(bytes))
  child.once('exit', (code, signal) => {
    reaped = true
    killGroup(pid, 'SIGKILL')
    guard.release(pid)
    const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
    void lingering(closed).then(() => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.stdin?.destroy()
      events.exit({ code, signal })
    })
  })
  return {
    pid,
    kill: signal => {
      if (!reaped) killGroup(pid, signal)
    },
  }
}
