/** Why a job file could not be imported, in the user's terms: their line first, frames of ours and of loaders folded away. */
import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlanError, kindOf } from '../base/index.js'

export function importError(file: string, cause: unknown): PlanError {
  const name = basename(file)
  if (!(cause instanceof Error)) {
    const hint = 'throw an Error: it says in which line'
    return new PlanError('ANB1020', `job file ${name} threw ${kindOf(cause)} while it was imported`, { hint, cause })
  }
  return missingTypes(name, cause) ?? missingImport(name, cause) ?? syntaxError(name, cause) ?? thrown(name, cause)
}

function missingTypes(name: string, error: Error): PlanError | null {
  const missing = /Cannot find module '([^']+)\.anabranch\.(?:js|ts)'/.exec(error.message)?.[1]
  if (missing === undefined) return null
  const module = `${relative(process.cwd(), missing.replace(/^file:\/\//, '')) || missing}.py`
  return new PlanError('ANB1009', `job file ${name} imports a types file that does not exist`, {
    detail: error.message,
    hint: `run: npx anabranch types ${module}`,
    cause: error,
  })
}

function missingImport(name: string, error: Error): PlanError | null {
  const [, what, missing] = /^Cannot find (package|module) '([^']+)'/.exec(error.message) ?? []
  if (what === undefined || missing === undefined) return null
  const hint = what === 'package' ? `run: npm install ${missing}` : 'mend the path of the import'
  return new PlanError('ANB1020', `job file ${name} could not be imported: ${what} "${missing}" does not exist`, {
    detail: `${error.message}.`,
    hint,
    cause: error,
  })
}

/** What esbuild says of a file that does not parse; its own class is called TransformError, as one of ours. */
function syntaxError(name: string, error: Error): PlanError | null {
  if (error.name !== 'TransformError') return null
  const said = [...error.message.matchAll(/^(.+:\d+):\d+: ERROR: (.+)$/gm)]
  const [first] = said
  if (first === undefined) return null
  return new PlanError('ANB1020', `job file ${name} could not be parsed: ${first[2]}`, {
    detail: said.map(([, place, text]) => `${place}: ${text}`).join('\n'),
    hint: 'mend the line',
    cause: error,
  })
}

function thrown(name: string, error: Error): PlanError {
  const said = error.message.split('\n')[0] ?? ''
  return new PlanError('ANB1020', `job file ${name} could not be imported: ${error.name}: ${said}`, {
    detail: userFrames(error),
    hint: 'mend the line that the first frame shows',
    cause: error,
  })
}

/** This package as frames name it. */
const ours = [new URL('../', import.meta.url).href, fileURLToPath(new URL('../', import.meta.url))]

/** The message with the frames that are the user's: neither Node's, nor a loader's, nor ours. */
export function userFrames(error: Error): string {
  const lines = (error.stack ?? error.message).split('\n')
  const own = lines.filter(line => !/^\s+at /.test(line) || isUserFrame(line))
  return own.slice(0, 12).join('\n')
}

const isUserFrame = (line: string): boolean =>
  /\(?(?:file:\/\/|\/)/.test(line) &&
  !/node:|\/node_modules\/(?:tsx|esbuild)\//.test(line) &&
  !ours.some(part => line.includes(part))

/** Whether a job file threw it by itself, in a timer or a promise that nobody awaits: the first frame is the user's. */
export function isFromJob(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  // What was no Error has no frames; ours are all awaited.
  if ('code' in error && error.code === 'ERR_UNHANDLED_REJECTION') return true
  const first = (error.stack ?? '').split('\n').find(line => /^\s+at /.test(line) && !line.includes('node:'))
  return first !== undefined && isUserFrame(first) && !/\/node_modules\//.test(first)
}
