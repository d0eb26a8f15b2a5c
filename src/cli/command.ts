/** What every command has: arguments in, an exit code out, and one way to refuse what was typed. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { PlanError } from '../base/index.js'

export type Command = (args: readonly string[]) => Promise<number>

export const exitCodes = { done: 0, failed: 1, usage: 2, internal: 3, interrupted: 130, terminated: 143 } as const

/** What was typed cannot be carried out: exit code 2. */
export class UsageError extends PlanError {
  constructor(message: string, hint: string) {
    super('ANB8003', message, { hint })
  }
}

type Parsed<O extends NonNullable<ParseArgsConfig['options']>> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true; strict: true }>
>

/** Arguments by `node:util`; a UsageError that shows the usage where they do not fit. */
export function parse<O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
  usage: string,
): Parsed<O> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw new UsageError(error.message.split('. ')[0] ?? error.message, usage)
  }
}

/** The one positional argument of a command. */
export function onlyPositional(positionals: readonly string[], what: string, usage: string): string {
  const [first] = positionals
  if (first === undefined || positionals.length > 1)
    throw new UsageError(`expected one ${what}, got ${positionals.length}`, usage)
  return first
}

/** A whole number of at least 1, or null where the option was not given. */
export function count(value: string | undefined, option: string): number | null {
  if (value === undefined) return null
  const n = Number(value)
  if (!Number.isSafeInteger(n) || n < 1)
    throw new UsageError(`expected --${option} to be a whole number from 1 on, got "${value}"`, `write --${option} 2`)
  return n
}
