/** Other files at the ends of a job, as `run` is asked for them: what notebooks and checks of a job are made of. */
import { resolve } from 'node:path'
import { type FileSinkKind, type OtherInput, type Plan, withFileSinks, withInputs } from '../plan/index.js'
import { type Command, usageError } from './command.js'

export interface Ends {
  readonly inputs: readonly OtherInput[]
  /** Every sink writes files of this format; null: as the job says. */
  readonly write: FileSinkKind | null
}

const kinds = ['json', 'parquet', 'arrow'] as const satisfies readonly FileSinkKind[]
const isKind = (word: string): word is FileSinkKind => kinds.some(kind => kind === word)

/** From `--input id=FILE` and `--write FORMAT`; paths are relative to the working directory. */
export function endsOf(
  command: Pick<Command, 'usage'>,
  words: { readonly input: readonly string[]; readonly write: string | undefined },
): Ends {
  const { write = null } = words
  if (write !== null && !isKind(write))
    throw usageError(command, `--write takes ${kinds.join(', ')}, but got "${write}"`)
  const inputs = words.input.map(word => {
    const at = word.indexOf('=')
    if (at < 1) throw usageError(command, `--input takes id=FILE, but got "${word}"`)
    return { source: word.slice(0, at), path: resolve(word.slice(at + 1)) }
  })
  return { inputs, write }
}

export function withEnds(plan: Plan, { inputs, write }: Ends): Plan {
  const read = inputs.length === 0 ? plan : withInputs(plan, inputs)
  return write === null ? read : withFileSinks(read, write)
}
