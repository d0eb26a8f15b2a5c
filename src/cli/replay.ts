/** `anabranch replay`: runs captured calls again, with the code that lies here now, in a Python of its own. */
import { spawn } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { openWorld, packageFolder, pythonFor } from '../runtime/index.js'
import { type Command, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'

export const replayOptions = {
  json: { type: 'boolean' },
  pdb: { type: 'boolean' },
  'as-test': { type: 'boolean' },
  against: { type: 'string' },
  'module-folder': { type: 'string' },
} as const

export interface ReplayValues {
  readonly json?: boolean
  readonly pdb?: boolean
  readonly 'as-test'?: boolean
  readonly against?: string
  readonly 'module-folder'?: string
}

export const replayLines: readonly string[] = [
  '--pdb             open the debugger where the function raised, or at its first line',
  '--as-test         print a pytest case that fails as the call did',
  '--against FILE    run it with another version of the module too, and print what differs, by column',
  '--module-folder DIR  where the modules of the call lie; default: the nearest folder above the file, or above here',
  '--json            one JSON object',
]

export const replay: Command = {
  name: 'replay',
  usage: 'replay FILE.arrow ... [--pdb | --as-test | --against MODULE.py] [--module-folder DIR] [--json]',
  summary: 'run a captured call again, here and now',
  options: [
    ...replayLines,
    'exit codes: 0 the call is fine, 1 it fails or the versions differ, 2 it cannot be replayed',
  ],
  async run(args) {
    const { values, positionals } = wordsOf(replay, args, replayOptions)
    if (positionals.length === 0) throw usageError(replay, 'replay needs a capture')
    return replayFiles(positionals, values)
  },
}

/** Answers the exit code of the Python that ran them. */
export async function replayFiles(files: readonly string[], values: ReplayValues): Promise<number> {
  if (files.length > 1 && (values.pdb === true || values['as-test'] === true || values.against !== undefined))
    throw usageError(replay, `--pdb, --as-test and --against take one capture, but got ${files.length}`)
  const python = await pythonHere(dirname(resolve(files[0] ?? '')))
  const options = Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'string' ? [`--${name}`, value] : value === true ? [`--${name}`] : [],
  )
  // The debugger needs the terminal, and Ctrl-C is its to answer.
  const ignore = (): void => undefined
  process.on('SIGINT', ignore)
  const child = spawn(python, ['-m', 'anabranch._replay', ...options, '--', ...files], {
    stdio: 'inherit',
    env: { ...process.env, PYTHONPATH: packageFolder, PYTHONSAFEPATH: '1', PYTHONUTF8: '1' },
  })
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', code => {
      process.off('SIGINT', ignore)
      done(code ?? exitCodes.failed)
    })
  })
}

async function pythonHere(folder: string): Promise<string> {
  const world = openWorld()
  try {
    return await pythonFor(folder, world)
  } finally {
    await world.close()
  }
}
