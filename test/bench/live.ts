/**
 * Rows on a fixed schedule through whoever connects to two sockets, and when each came back. `python/load.py` sends and
 * receives; the clock is the monotonic one of the machine, which `process.hrtime` reads too.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { python, pythonEnv, script } from './places.js'
import { inFolder } from './run-job.js'

export interface Load {
  readonly rowsPerSecond: number
  readonly seconds: number
}

/** Who is measured: it connects to `in.sock` and `out.sock` of the folder. */
export type Subject<T> = (folder: string, firstRow: Promise<void>) => Promise<T>

export interface Returned {
  /** The lines that came back, row 0 first. */
  readonly lines: readonly string[]
  /** When each of them had come back, in nanoseconds. */
  readonly at: Float64Array
  /** When row 1 was due; row i is due `(i - 1) * gap` later. */
  readonly began: number
  readonly gap: number
  /** Rows that were sent after row 0. */
  readonly rows: number
}

/** Ends when all rows are back and the subject has ended; a subject that fails ends the load too. */
export function underLoad<T>(load: Load, subject: Subject<T>): Promise<{ returned: Returned; subject: T }> {
  return inFolder(async folder => {
    const args = [script('load.py'), folder, String(load.rowsPerSecond), String(load.seconds)]
    const child = spawn(python, args, { env: pythonEnv, stdio: ['ignore', 'pipe', 'inherit'] })
    const said = linesOf(child)
    const loaded = exitOf(child, 'the load')
    try {
      await Promise.race([said.line('listening'), loaded])
      const [, answer] = await Promise.all([loaded, subject(folder, said.line('first row'))])
      return { returned: returned(load, folder, said.last()), subject: answer }
    } finally {
      child.kill()
    }
  })
}

/** The least that two processes can do: `python/echo.py`. */
export const echo: Subject<void> = folder =>
  exitOf(spawn(python, [script('echo.py'), folder], { env: pythonEnv, stdio: 'inherit' }), 'the echo')

function exitOf(child: ChildProcess, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve() : reject(new Error(`${what} ended with ${code}`))))
  })
}

function linesOf(child: ChildProcess): { line(text: string): Promise<void>; last(): string } {
  const { stdout } = child
  if (stdout === null) throw new Error('expected the output of the load')
  const lines: string[] = []
  const reader = createInterface({ input: stdout })
  reader.on('line', line => lines.push(line))
  return {
    line: text =>
      new Promise(resolve => {
        reader.on('line', line => line === text && resolve())
        // What never comes is told by `ended`.
        if (lines.includes(text)) resolve()
      }),
    last: () => lines.at(-1) ?? '',
  }
}

function returned({ rowsPerSecond }: Load, folder: string, said: string): Returned {
  const { began, rows }: { began: number; rows: number } = JSON.parse(said)
  const bytes = readFileSync(join(folder, 'rows.jsonl'))
  const reads = readFileSync(join(folder, 'arrivals.i64'))
  const arrivals = new BigInt64Array(reads.buffer.slice(reads.byteOffset, reads.byteOffset + reads.byteLength))
  return { ...arrivedAt(bytes, arrivals), began, gap: 1e9 / rowsPerSecond, rows }
}

/** Each line came with the read that brought its newline. */
function arrivedAt(bytes: Buffer, arrivals: BigInt64Array): Pick<Returned, 'lines' | 'at'> {
  const lines: string[] = []
  const at: number[] = []
  let read = 0
  for (let from = 0; ; ) {
    const end = bytes.indexOf(10, from)
    if (end < 0) break
    while (Number(arrivals[read + 1] ?? Number.POSITIVE_INFINITY) <= end) read += 2
    lines.push(bytes.toString('latin1', from, end))
    at.push(Number(arrivals[read] ?? Number.NaN))
    from = end + 1
  }
  return { lines, at: Float64Array.from(at) }
}
