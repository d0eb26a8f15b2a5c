/** How many workers a word asks for: `4`, or by load `1..8`. */
import { type WorkerRange } from '../runtime/index.js'
import { type Command, usageError } from './command.js'

/** As many processes as one machine is asked for by no mistake. */
const workersMost = 256

export function rangeOf(command: Pick<Command, 'usage'>, what: string, word: string): WorkerRange {
  const found = /^(?:(\d{1,3})\.\.)?(\d{1,3})$/.exec(word)
  const max = Number(found?.[2] ?? Number.NaN)
  const min = found?.[1] === undefined ? null : Number(found[1])
  if (max >= 1 && max <= workersMost && (min === null || (min >= 1 && min <= max))) return { min, max }
  const message = `${what} takes a whole number of 1 to ${workersMost}, or two such as 1..8, but got "${word}"`
  throw usageError(command, message)
}
