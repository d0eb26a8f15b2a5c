/**
 * What a test run left behind: processes, sockets and folders of ours.
 *
 * A process is ours where its environment, its command line or its working directory holds the run's folder: workers
 * get it as the address of their socket, what they start inherits it, hosts get it as TMPDIR. The guard has a clean
 * environment on purpose, so it is known by its script, and is left over where its host is gone (its parent is init).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
  /** Command line, environment and working directory in one text. */
  readonly traces: string
}

/** A line of the guard's script (src/runtime/open/guard.ts) that no other shell script has. */
const guardMark = 'shift 19'

export interface Ours {
  readonly folder: string
  /** Orphaned guards that were there before the run began. */
  readonly before: ReadonlySet<number>
  /** Processes of the test runner itself. */
  readonly runner: (process: Process) => boolean
}

export function ofOurs(processes: readonly Process[], { folder, before, runner }: Ours): readonly Process[] {
  return processes.filter(process => {
    if (runner(process)) return false
    return process.traces.includes(folder) || (isOrphanGuard(process, processes) && !before.has(process.pid))
  })
}

/** Where the host is gone the parent is init, or a process that adopts orphans: never one that started a guard. */
export function isOrphanGuard(process: Process, processes: readonly Process[]): boolean {
  if (!process.command.includes(guardMark)) return false
  const parent = processes.find(each => each.pid === process.parent)
  return parent === undefined || parent.pid === 1 || !/node/.test(parent.command)
}

/** Every process that this user may look into. Linux only. */
export function allProcesses(): readonly Process[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      const stat = readText(`/proc/${name}/stat`)
      if (stat === '' || /^[ZX]/.test(afterName(stat))) return []
      const command = readText(`/proc/${name}/cmdline`).replaceAll('\0', ' ')
      const parent = Number(afterName(stat).split(' ')[1])
      const traces = [command, readText(`/proc/${name}/environ`), linkOf(`/proc/${name}/cwd`)].join('\0')
      return [{ pid: Number(name), parent, command, traces }]
    })
}

/** Listening and bound unix sockets whose path is in the folder, also those whose file is gone. */
export function boundSockets(folder: string): readonly string[] {
  return readText('/proc/net/unix')
    .split('\n')
    .map(line => line.split(/\s+/)[7] ?? '')
    .filter(path => path.startsWith(`${folder}/`))
}

/** The fields of /proc/PID/stat after the command's name, which may hold anything. */
function afterName(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2)
}

/** A process may end while it is looked at. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
