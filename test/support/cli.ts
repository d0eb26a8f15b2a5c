/**
 * The built command as a child process, as a user runs it.
 *
 * `runCli` waits for its end; `startCli` answers at once, for tests that kill, stop or ask it while it runs.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { repository } from './repository.js'

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** The last line of stdout where that is JSON, as with `--json`; otherwise undefined. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  /** Resolves when it has ended and all that it printed is read; kills it after `timeoutMs`. */
  readonly ended: Promise<Ended>
  /** Resolves with all of stderr so far once it holds the text; rejects where the child ends before. */
  printed(text: string | RegExp): Promise<string>
}

export interface CliOptions {
  readonly cwd: string
  /** Added to this process's environment; undefined removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Milliseconds after which the child is killed and the result shows SIGKILL; 150,000 unless given. */
  readonly timeoutMs?: number
  /** Put before the command, such as `['bash', '-c', 'ulimit -n 64; exec "$0" "$@"']`. */
  readonly prefix?: readonly string[]
}

export const cliPath = join(repository, 'dist', 'cli', 'main.js')

export function runCli(args: readonly string[], options: CliOptions): Promise<Ended> {
  return startCli(args, options).ended
}

export function startCli(args: readonly string[], options: CliOptions): Started {
  const argv = [...(options.prefix ?? []), process.execPath, cliPath, ...args]
  const child = spawn(argv[0] ?? process.execPath, argv.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  const deadline = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 150_000)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(deadline)
      resolve({ code, signal, stdout: out(), stderr: err(), json: lastJson(out()) })
    })
  })
  return { child, pid: child.pid ?? -1, ended, printed: text => printed(child, { text, err, ended }) }
}

function printed(
  child: ChildProcess,
  { text, err, ended }: { text: string | RegExp; err: () => string; ended: Promise<Ended> },
): Promise<string> {
  const holds = (): boolean => (typeof text === 'string' ? err().includes(text) : text.test(err()))
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (holds()) resolve(err())
    }
    child.stderr?.on('data', look)
    look()
    void ended.then(end =>
      reject(new Error(`ended with ${end.code ?? end.signal} before it printed ${text}:\n${end.stderr}`)),
    )
  })
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const parts: Buffer[] = []
  stream?.on('data', (bytes: Buffer) => parts.push(bytes))
  return () => Buffer.concat(parts).toString('utf8')
}

function lastJson(stdout: string): Readonly<Record<string, unknown>> | undefined {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
