#!/usr/bin/env node
/** The command `anabranch`: finds the command, runs it, turns what it throws into words and an exit code. */
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AnabranchError, PlanError, nearest } from '../base/index.js'
import { type Command, type Terminal } from './command.js'
import { exitCodeOf, exitCodes } from './exit-codes.js'
import { details, helpOf } from './help.js'
import { isFromJob, userFrames } from './import-error.js'
import { colored, errorJson, renderError } from './render.js'
import { realTerminal } from './terminal.js'

/** Loaded when asked for: `version` shall not wait for Arrow and ZeroMQ. */
const loaders: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.js')).init,
  setup: async () => (await import('./setup.js')).setup,
  run: async () => (await import('./run.js')).run,
  status: async () => (await import('./status.js')).status,
  stop: async () => (await import('./end-job.js')).stop,
  savepoint: async () => (await import('./savepoint.js')).savepoint,
  cancel: async () => (await import('./end-job.js')).cancel,
  workers: async () => (await import('./workers.js')).workers,
  transform: async () => (await import('./transform.js')).transform,
  plan: async () => (await import('./plan.js')).plan,
  lint: async () => (await import('./lint.js')).lint,
  explain: async () => (await import('./explain.js')).explain,
  types: async () => (await import('./types.js')).types,
  dev: async () => (await import('./dev.js')).dev,
  dlq: async () => (await import('./dlq.js')).dlq,
  state: async () => (await import('./state.js')).state,
  replay: async () => (await import('./replay.js')).replay,
  doctor: async () => (await import('./doctor.js')).doctor,
  version: async () => (await import('./version.js')).version,
}

async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  if (process.platform === 'win32')
    throw new PlanError('ANB8008', 'expected Linux or macOS, this is Windows, which has no fork and no Unix sockets')
  const [first = 'help', ...args] = words
  const name = { '--help': 'help', '-h': 'help', '--version': 'version', '-v': 'version' }[first] ?? first
  if (name === 'help') return (await help()).run(args, terminal)
  const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined
  if (load === undefined) {
    const near = nearest(name, Object.keys(loaders))
    const hint =
      near === null ? `the commands are ${[...Object.keys(loaders), 'help'].join(', ')}` : `did you mean ${near}?`
    throw new PlanError('ANB8003', `there is no command "${name}"`, { hint })
  }
  const command = await load()
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(details(command))
    return exitCodes.done
  }
  return command.run(args, terminal)
}

async function help(): Promise<Command> {
  const commands = await Promise.all(Object.values(loaders).map(load => load()))
  const own: Command = helpOf(() => [...commands, own])
  return own
}

/** The folder of the job that the words name: places in errors are relative to it. */
function folderOf(words: readonly string[]): string | null {
  const path = words.slice(1).find(word => existsSync(word))
  if (path === undefined) return null
  return statSync(path).isDirectory() ? resolve(path) : dirname(resolve(path))
}

const terminal = realTerminal()

/** What nobody caught, a timer of the job file or a mistake of ours: words, and the code for it. */
function fail(thrown: unknown): never {
  const error = toldError(thrown)
  terminal.status('')
  const text = renderError(error, folderOf(process.argv.slice(2)))
  terminal.err(terminal.color ? colored(text) : text)
  if (process.argv.includes('--json')) tell(JSON.stringify({ error: errorJson(error) }))
  process.exit(exitCodeOf(error))
}

/** On stdout, where that can be written. */
function tell(line: string): void {
  try {
    terminal.out(line)
  } catch (error) {
    if (!(error instanceof AnabranchError)) throw error
  }
}

/** A job file may leave a timer or a promise behind that throws later: that is its mistake, not ours. */
function toldError(thrown: unknown): unknown {
  if (thrown instanceof AnabranchError || !isFromJob(thrown)) return thrown
  return new PlanError('ANB1020', `the job file threw after it was imported: ${thrown.name}: ${thrown.message}`, {
    detail: userFrames(thrown),
    hint: 'mend the line that the first frame shows',
    cause: thrown,
  })
}

process.on('uncaughtException', fail)
// All was printed synchronously, and a job file may have left something open that would keep the process alive.
main(process.argv.slice(2), terminal).then(code => process.exit(code), fail)
