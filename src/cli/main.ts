#!/usr/bin/env node
/**
 * The command line: one file a command, one table of them. Data goes to stdout, everything else to stderr.
 *
 * Exit codes: 0 done, 1 the job failed, 2 usage or plan, 3 internal, 130 and 143 stopped by Ctrl-C or SIGTERM.
 */
import { AnabranchError, PlanError } from '../base/index.js'
import { type Command, exitCodes, UsageError } from './command.js'

const commands: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> = {
  run: { about: 'run a job', load: async () => (await import('./run.js')).run },
  plan: { about: 'print the plan of a job; --json for the portable form', load: async () => (await import('./plan.js')).plan },
  lint: { about: 'list all faults of a job', load: async () => (await import('./lint.js')).lint },
  types: { about: 'write the types file of a Python module', load: async () => (await import('./types.js')).types },
  explain: { about: 'explain an error code', load: async () => (await import('./explain.js')).explain },
  version: { about: 'print the version', load: async () => (await import('./version.js')).version },
}

function help(): string {
  const width = Math.max(...Object.keys(commands).map(name => name.length))
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`)
  return ['usage: anabranch COMMAND [ARGUMENTS]', '', ...lines, '', 'anabranch COMMAND --help says more.', ''].join('\n')
}

async function main(args: readonly string[]): Promise<number> {
  const [name = 'help', ...rest] = args
  if (name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(help())
    return args.length === 0 ? exitCodes.usage : exitCodes.done
  }
  const command = Object.hasOwn(commands, name === '--version' ? 'version' : name) ? commands[name === '--version' ? 'version' : name] : undefined
  if (command === undefined) throw new UsageError(`expected a command, got "${name}"`, 'npx anabranch --help lists them')
  return (await command.load())(rest)
}

function report(error: unknown): number {
  if (error instanceof AnabranchError) {
    process.stderr.write(`${error.render()}\n`)
    return error instanceof PlanError || error.code.startsWith('ANB8') ? exitCodes.usage : exitCodes.failed
  }
  process.stderr.write(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return exitCodes.internal
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.exitCode = report(error)
}
