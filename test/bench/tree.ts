/**
 * A process with all below it, looked at while it runs: peak of the memory, and CPU seconds.
 *
 * Memory is PSS: a page that several processes share counts once. CPU is what was seen last of each process, so a
 * process loses at most the last `everyMs`.
 */
import { readFileSync } from 'node:fs'

/** Clock ticks of `/proc/<pid>/stat` a second, on every Linux that Node runs on. */
const ticksPerSecond = 100

export interface TreeUse {
  readonly peakPssBytes: number
  readonly cpuSeconds: { readonly host: number; readonly below: number }
  /** That the root wrote to disks. */
  readonly diskBytes: number
}

export interface Watched {
  /** Until now. */
  seen(): TreeUse
  stop(): TreeUse
}

export function watchTree(root: number, options: { readonly everyMs: number; readonly memory: boolean }): Watched {
  const cpu = new Map<number, number>()
  let peakPssBytes = 0
  let diskBytes = 0
  const look = (): void => {
    const pids = treeOf(root)
    for (const pid of pids) cpu.set(pid, cpuSecondsOf(pid) ?? cpu.get(pid) ?? 0)
    diskBytes = Math.max(diskBytes, diskBytesOf(root))
    if (options.memory) peakPssBytes = Math.max(peakPssBytes, sum(pids.map(pssOf)))
  }
  // A measurement that fails must not keep the command.
  const timer = setInterval(look, options.everyMs).unref()
  look()
  const seen = (): TreeUse => {
    const host = cpu.get(root) ?? 0
    return { peakPssBytes, diskBytes, cpuSeconds: { host, below: sum([...cpu.values()]) - host } }
  }
  return {
    seen,
    stop() {
      clearInterval(timer)
      return seen()
    },
  }
}

/** CPU seconds of all processes that this one has started and that have ended, with all below them. */
export function endedChildrenCpuSeconds(): number {
  const [, , user, system] = timesOf('self')
  return ((user ?? 0) + (system ?? 0)) / ticksPerSecond
}

export function cpuSecondsOf(pid: number): number | null {
  const [user, system] = timesOf(pid)
  return user === undefined || system === undefined ? null : (user + system) / ticksPerSecond
}

/** utime, stime, cutime, cstime in ticks; empty where the process is gone. */
function timesOf(pid: number | 'self'): readonly number[] {
  const stat = read(`/proc/${pid}/stat`)
  // The name stands in parentheses and may hold spaces; utime is the twelfth field behind it.
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
}

function treeOf(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter(word => word !== '')
  return [pid, ...children.flatMap(child => treeOf(Number(child)))]
}

function pssOf(pid: number): number {
  const line = /^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))
  return Number(line?.[1] ?? 0) * 1024
}

const diskBytesOf = (pid: number): number => Number(/^write_bytes: (\d+)$/m.exec(read(`/proc/${pid}/io`))?.[1] ?? 0)

/** Empty where the process is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
