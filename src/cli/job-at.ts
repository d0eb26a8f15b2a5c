/** Which running job a command means: an output folder, a job file whose outputs lie where `run` puts them, or the only one that runs here. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConnectorError } from '../base/index.js'
import { type Command, usageError } from './command.js'
import { loadJob } from './load-job.js'

export const jobLine =
  'DIR or JOB.ts    the output folder of the run, or its job file; default: the only job that runs in ./out'

/** The absolute path of its output folder. */
export async function outOf(command: Pick<Command, 'name' | 'usage'>, words: readonly string[]): Promise<string> {
  const [word] = words
  if (words.length > 1) throw usageError(command, `${command.name} takes one job, but got ${words.length}`)
  if (word === undefined) return onlyOne(command)
  const path = resolve(word)
  const isFolder = existsSync(path) && statSync(path).isDirectory()
  const isOutput = isFolder && (existsSync(join(path, 'run.json')) || !existsSync(join(path, 'job.ts')))
  if (isOutput) return path
  if (!existsSync(path))
    throw usageError(command, `${command.name} takes an output folder or a job file, and there is no ${word}`)
  const { plan } = await loadJob(word)
  return resolve('out', plan.job)
}

function onlyOne(command: Pick<Command, 'name' | 'usage'>): string {
  const folder = resolve('out')
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  const running = names.filter(name => existsSync(join(folder, name, 'run.json')))
  const [only] = running
  if (only === undefined) throw new ConnectorError('ANB4020', `no job runs in ${folder}`)
  if (running.length === 1) return join(folder, only)
  throw usageError(command, `${command.name} has to know which job: ${running.map(name => `out/${name}`).join(', ')}`)
}
