/**
 * Versions of the functions of simulated jobs: what is swapped in while one runs. A version is known by the text that stands
 * for its source, so whoever has a digest, a worker or the oracle, knows what the code does. Each version gives other
 * values than the one before, so a row shows which one worked on it, and state shows which one left it.
 */
import { PlanError } from '../../base/index.js'
import { type DescribedModule } from '../../workers/index.js'
import { type FunctionName, allNames, refOf } from './functions.js'
import { type Keeping } from './keeping.js'

export const bugs = ['none', 'rejects some', 'raises', 'crashes', 'does not start'] as const
/** What it does to rows beside what it should: to some, to each, to the process. */
export type Bug = (typeof bugs)[number]

export interface Version {
  readonly number: number
  readonly bug: Bug
  /** `tally` keeps a column more. */
  readonly keepsMore: boolean
}

/** Of the file before anybody edited it. */
export const firstVersion: Version = { number: 0, bug: 'none', keepsMore: false }

export const sourceOf = ({ number, bug, keepsMore }: Version): string => `${number}/${bug}/${keepsMore ? 'more' : ''}`

export function versionOf(source: string): Version {
  const [number, name, more] = source.split('/')
  const bug = bugs.find(each => each === name)
  if (bug === undefined) throw new RangeError(`expected the source of a version, got "${source}"`)
  return { number: Number(number), bug, keepsMore: more === 'more' }
}

/** What is in a file that somebody wants to be swapped in. */
export type NewCode = Version | 'does not import' | 'does not fit'

/** What the introspection of a module says. */
export function describeCode(
  path: string,
  code: NewCode,
  { timeoutMs, keeping }: { readonly timeoutMs: number; readonly keeping: Keeping },
): DescribedModule {
  if (code === 'does not import') throw new PlanError('ANB1020', `module ${path} could not be imported`)
  const version = code === 'does not fit' ? firstVersion : code
  const declares = (name: FunctionName): DescribedModule['functions'][number] => {
    const { module: _, ...fn } = refOf(name, timeoutMs, { keepsMore: version.keepsMore, keeping })
    return { ...fn, doc: '', line: 1, ...(code === 'does not fit' && { outputs: [...fn.outputs, ['new', 'int32']] }) }
  }
  return {
    path,
    source: sourceOf(version),
    doc: '',
    schemas: {},
    functions: allNames.map(declares),
    contracts: [],
    migrations: [],
  }
}
