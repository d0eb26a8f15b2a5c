/** `anabranch setup`: makes the Python side of a project. The only command that uses the network. */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlanError } from '../base/index.js'
import { type Command, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { packageRoot } from './package-root.js'

export const setup: Command = {
  name: 'setup',
  usage: 'setup [DIR] [--json]',
  summary: 'make .venv with the locked Python packages; the only command that uses the network',
  options: [
    'DIR               a project; default: the nearest folder from here up with a package.json',
    '--json            one JSON object: python, made',
    'What requirements.txt of the project lists is installed too.',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(setup, args, { json: { type: 'boolean' } })
    if (positionals.length > 1) throw usageError(setup, `setup takes one folder, but got ${positionals.length}`)
    const [given] = positionals
    const made = await setUp(given === undefined ? projectFolder(process.cwd()) : resolve(given))
    if (values.json === true) terminal.out(JSON.stringify(made))
    else terminal.err(`${made.made ? 'ready' : 'nothing to do'}: ${made.python}`)
    return exitCodes.done
  },
}

interface Ready {
  /** The interpreter of the environment. */
  readonly python: string
  /** It was made or changed; otherwise it was as it should be. */
  readonly made: boolean
}

/** What a clone runs before anything is built, so it is plain JavaScript and no part of the build. */
interface ProjectSetup {
  setUpProject(folder: string): Promise<Ready>
}

/** Throws a PlanError ANB8006 with what is missing. */
export async function setUp(folder: string): Promise<Ready> {
  if (!existsSync(folder)) throw usageError(setup, `folder ${folder} does not exist`)
  const project: ProjectSetup = await import(pathToFileURL(join(packageRoot, 'setup', 'project.mjs')).href)
  try {
    return await project.setUpProject(folder)
  } catch (error) {
    if (!(error instanceof Error && 'hint' in error && typeof error.hint === 'string')) throw error
    throw new PlanError('ANB8006', error.message, { hint: error.hint, cause: error })
  }
}

function projectFolder(from: string): string {
  const up = (at: string): string | null =>
    existsSync(join(at, 'package.json')) ? at : dirname(at) === at ? null : up(dirname(at))
  return up(from) ?? from
}
