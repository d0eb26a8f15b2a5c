/**
 * The real processes. Each child leads a process group of its own, so that what it starts dies with it, and is
 * registered with the guard for as long as it lives, so that nothing outlives the host.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { AnabranchError, type Child, type ChildEvents, type Processes, WorkerError } from '../../base/index.js'
import { type Guard } from './guard.js'

/** A grandchild that left the group may hold the output open for ever: its end is awaited this long after the exit. */
const outputLingerMs = 100

export function realProcesses(guard: Guard): Processes {
  return {
    spawn(command, options, events) {
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
      return attach(child, pid, guard, events)
    },
  }
}

function spawnOrThrow(file: string, args: readonly string[], options: Parameters<Processes['spawn']>[1]): ChildProcess {
  try {
    return spawn(file, args, {
      detached: true,
      cwd: options.cwd,
      env: { ...options.env },
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe', ...(options.fds ?? [])],
    })
  } catch (cause) {
    if (cause instanceof AnabranchError) throw cause
    throw new WorkerError('ANB8004', `could not start one more process: ${String(cause)}`, { cause })
  }
}

function attach(child: ChildProcess, pid: number, guard: Guard, events: ChildEvents): Child {
  let reaped = false
  const killGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-pid, signal)
    } catch {
      // ESRCH: nobody is left.
    }
  }
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  child.stdout?.on('data', (bytes: Buffer) => events.stdout(bytes))
  child.stderr?.on('data', (bytes: Buffer) => events.stderr(bytes))
  child.once('exit', (code, signal) => {
    reaped = true
    killGroup('SIGKILL')
    guard.release(pid)
    let told = false
    const tell = (): void => {
      if (told) return
      told = true
      clearTimeout(linger)
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.stdin?.destroy()
      events.exit({ code, signal })
    }
    const linger = setTimeout(tell, outputLingerMs)
    child.once('close', tell)
  })
  return {
    pid,
    kill: signal => {
      if (!reaped) killGroup(signal)
    },
  }
}
