/** The checker, which is a Python program of its own: asked by name, answers JSON. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { repository } from '../support/repository.js'

/** By rule how many sentences it says, and the first of them. */
export type Broken = Readonly<Record<string, { readonly count: number; readonly first: readonly string[] }>>

export interface Verdict {
  readonly rows: Readonly<Record<string, number>>
  readonly broken: Broken
}

export interface Reader {
  readonly pid: number
  /** Ends the reading; answers how many different views it had, and what was wrong with them. */
  stop(): Promise<{ readonly views: number; readonly broken: Broken }>
}

function start(args: readonly string[]): ChildProcess {
  return spawn(join(repository, '.venv', 'bin', 'python'), ['-m', 'oracle', ...args], {
    cwd: join(repository, 'test', 'chaos'),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const parts: Buffer[] = []
  child.stdout?.on('data', (bytes: Buffer) => parts.push(bytes))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`the checker ended with ${code}`)
  const answer: T = JSON.parse(Buffer.concat(parts).toString('utf8'))
  return answer
}

export function draw(folder: string, input: { readonly seed: number; readonly rows: number }): Promise<unknown> {
  return answerOf(start(['draw', folder, String(input.seed), String(input.rows)]))
}

/** A killed job as its files say it. */
export interface Stop {
  /** The newest epoch that was written. */
  readonly epoch: number
  /** Sinks that have not committed it. */
  readonly forward: number
  /** Bytes that were written behind it. */
  readonly back: number
  readonly broken: Broken
}

export function stopped(folder: string): Promise<Stop> {
  return answerOf(start(['stopped', folder]))
}

export function finished(folder: string, facts: string): Promise<Verdict> {
  return answerOf(start(['finished', folder, facts]))
}

export function reader(folder: string): Reader {
  const child = start(['watch', folder])
  const answer = answerOf<{ readonly views: number; readonly broken: Broken }>(child)
  return {
    pid: child.pid ?? -1,
    stop: () => {
      child.stdin?.end()
      return answer
    },
  }
}
