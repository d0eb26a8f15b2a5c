/** What a command of the command line is, and how its words are read. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { PlanError, nearest } from '../base/index.js'

export interface Command {
  readonly name: string
  /** After `anabranch`: `run JOB.ts [--json]`. */
  readonly usage: string
  readonly summary: string
  /** Lines that explain options. */
  readonly options: readonly string[]
  /** Answers the exit code. Throws an AnabranchError for what the user can mend. */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

/** Where a command prints: data to `out`, everything for people to `err`. */
export interface Terminal {
  out(text: string): void
  /** One line or several. */
  err(text: string): void
  /** A line at the bottom that is drawn again and again; empty: none. Only where stderr is a terminal. */
  status(text: string): void
  readonly interactive: boolean
  readonly color: boolean
  readonly columns: number
}

type OptionsConfig = NonNullable<ParseArgsConfig['options']>

/** Reads the words of a command; throws a usage error (ANB8003) that names the word. */
export function wordsOf<const T extends OptionsConfig>(
  command: Pick<Command, 'name' | 'usage'>,
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>> {
  try {
    return parseArgs({ args: joined(args, options), options, allowPositionals: true, strict: true })
  } catch (cause) {
    const said = cause instanceof Error ? (cause.message.split(/[.]\s/)[0] ?? '') : String(cause)
    const unknown = /^Unknown option '--?([^']+)'/.exec(said)?.[1]
    const near = unknown === undefined ? null : nearest(unknown, Object.keys(options))
    throw usageError(
      command,
      near === null ? lowerFirst(said) : `there is no option --${unknown}; did you mean --${near}?`,
    )
  }
}

/** `--lanes -1` as `--lanes=-1`: a number with a sign is a value, and no option has such a name. */
function joined(args: readonly string[], options: OptionsConfig): string[] {
  const all: string[] = []
  for (const word of args) {
    const before = all.at(-1) ?? ''
    const takesValue = before.startsWith('--') && options[before.slice(2)]?.type === 'string'
    if (takesValue && /^-\d/.test(word)) all[all.length - 1] = `${before}=${word}`
    else all.push(word)
  }
  return all
}

/** The hint explains the option with which the message begins, and is the usage of the command where it begins with none. */
export function usageError(
  { usage, options = [] }: Pick<Command, 'usage'> & Partial<Pick<Command, 'options'>>,
  message: string,
): PlanError {
  const [option] = /^--[a-z-]+ /.exec(message) ?? []
  const lines = option === undefined ? [] : options.filter(line => line.startsWith(option))
  const explained = lines.map(line => line.replace(/ {2,}/, ': ')).join('; ')
  const more = usage.endsWith('...') ? `; all options: npx anabranch help ${usage.split(' ')[0] ?? ''}` : ''
  return new PlanError('ANB8003', message, { hint: explained || `usage: npx anabranch ${usage}${more}` })
}

/** The one positional word that a command needs. */
export function oneWord(command: Pick<Command, 'name' | 'usage'>, words: readonly string[], what: string): string {
  const [word] = words
  if (word === undefined || word === '') throw usageError(command, `${command.name} needs ${what}`)
  if (words.length > 1)
    throw usageError(command, `${command.name} takes one ${what.replace(/^(?:an?|the) /, '')}, but got ${words.length}`)
  return word
}

/** A whole number of `least` or more, or null where the option was not given. */
export function wholeOption(
  command: Pick<Command, 'usage'>,
  name: string,
  value: string | undefined,
  range: { readonly least: number; readonly most: number },
): number | null {
  if (value === undefined) return null
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
  if (number >= range.least && number <= range.most) return number
  throw usageError(command, `--${name} must be a whole number of ${range.least} to ${range.most}, but it is "${value}"`)
}

const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1)
