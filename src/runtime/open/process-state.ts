/** What /proc says of a process: when the kernel started it, and whether it still runs. Elsewhere nothing is known. */
import { readFileSync } from 'node:fs'

/** In ticks since boot; `-` where that cannot be known. */
export function startTime(pid: number): string {
  return stat(pid)?.started ?? '-'
}

/**
 * Of the process that was started then; one that ended and was not reaped is over, once its last thread is: the first one may
 * end before others, which still have the memory. `another`: the number was used again, so nobody of its group is left.
 */
export function stateOf(pid: number, started: string): 'runs' | 'over' | 'another' {
  const now = stat(pid)
  if (now === null) return 'over'
  if (now.started !== started) return 'another'
  return 'ZX'.includes(now.state) && now.threads < 2 ? 'over' : 'runs'
}

function stat(pid: number): { readonly state: string; readonly threads: number; readonly started: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', threads: Number(fields[17]), started: fields[19] ?? '-' }
  } catch {
    return null
  }
}
