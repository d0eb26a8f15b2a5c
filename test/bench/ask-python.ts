/** The Python beside the benchmarks: a script answers one JSON object on its last line. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { python, pythonEnv, script } from './places.js'

const run = promisify(execFile)

export async function askPython<T>(name: string, ...args: readonly string[]): Promise<T> {
  const { stdout } = await run(python, [script(name), ...args], { env: pythonEnv, maxBuffer: 2 ** 24 })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

export interface Bare {
  readonly rows: number
  readonly seconds: number
}

export const baseline = (input: string, form: string): Promise<Bare> => askPython('baseline.py', input, form)

export interface Verdict {
  readonly rows: number
  readonly dead: number
  readonly wrong: string | null
  readonly check: number
}
