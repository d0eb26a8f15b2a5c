/** `anabranch savepoint`: made of a job that runs or that does not, listed, looked at, deleted. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { StateError } from '../base/index.js'
import { type Savepoint, openSavepoint } from '../checkpoint/index.js'
import { askSavepoint } from '../control/index.js'
import { deleteSavepoint, realFiles, saveStopped, savepointsIn } from '../runtime/index.js'
import { aligned } from './aligned.js'
import { type Command, type Terminal, oneWord, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { counted } from './progress.js'

interface Asked {
  readonly words: readonly string[]
  readonly json: boolean
  readonly name: string | undefined
  readonly terminal: Terminal
}

export const savepoint: Command = {
  name: 'savepoint',
  usage: 'savepoint create [DIR or JOB.ts] [--name NAME] | list [DIR or JOB.ts] | inspect PATH | delete PATH [--json]',
  summary:
    'one epoch of a job as files that stand alone: run --from PATH begins there, elsewhere and with other code too',
  options: [
    jobLine,
    'create           of a job that runs, which goes on meanwhile, or of one that was stopped',
    '--name NAME      its folder in DIR/savepoints, or a path with a /; default: its epoch and lineage',
    'list             those in DIR/savepoints, the newest last',
    'inspect          what it is of; every byte is held against its digest',
    'delete           refused while an unfinished run in DIR began at it',
    '--json           one JSON object',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(savepoint, args, { json: { type: 'boolean' }, name: { type: 'string' } })
    const [verb = '', ...words] = positionals
    const work = Object.hasOwn(works, verb) ? works[verb] : undefined
    if (work === undefined) {
      throw usageError(savepoint, `savepoint takes create, list, inspect or delete, but got "${verb}"`)
    }
    if (values.name !== undefined && verb !== 'create') throw usageError(savepoint, '--name is for savepoint create')
    await work({ words, json: values.json === true, name: values.name, terminal })
    return exitCodes.done
  },
}

const works: Readonly<Record<string, (asked: Asked) => Promise<void>>> = { create, list, inspect, delete: remove }

async function create({ words, json, name, terminal }: Asked): Promise<void> {
  const out = await outOf(savepoint, words)
  const place = name === undefined ? null : name.includes('/') ? resolve(name) : name
  const runs = existsSync(join(out, 'run.json'))
  const made = runs ? await askSavepoint(out, place) : await saveStopped(out, place)
  if (json) terminal.out(JSON.stringify(made))
  else terminal.out(made.path)
  terminal.err(`savepoint of epoch ${made.epoch}; begin there with: npx anabranch run JOB.ts --from ${made.path}`)
}

async function list({ words, json, terminal }: Asked): Promise<void> {
  const all = savepointsIn(await outOf(savepoint, words))
  if (json) {
    const said = all.map(({ path, found }) =>
      found instanceof StateError
        ? { path, error: { code: found.code, message: found.message } }
        : factsOf(path, found),
    )
    terminal.out(JSON.stringify({ savepoints: said }))
    return
  }
  const rows = all.map(({ path, found }) =>
    found instanceof StateError
      ? [path, '-', '-', found.message]
      : [path, String(found.epoch.epoch), String(bytesOf(found)), new Date(found.wallMs).toISOString()],
  )
  terminal.out(aligned([['savepoint', 'epoch', 'bytes', 'made'], ...rows], 'lrrl').join('\n'))
}

async function inspect({ words, json, terminal }: Asked): Promise<void> {
  const path = resolve(oneWord(savepoint, words, 'the folder of a savepoint'))
  const { savepoint: found } = openSavepoint(realFiles, path)
  if (json) {
    terminal.out(JSON.stringify({ ...factsOf(path, found), sources: found.epoch.sources, code: found.epoch.code }))
    return
  }
  const { job, lineage, epoch, sources, plan, code, swapped } = found.epoch
  terminal.out(
    [
      `job ${job}, lineage ${lineage}, epoch ${epoch}, made ${new Date(found.wallMs).toISOString()}`,
      ...found.operators.map(
        ({ operator, rows, form }) =>
          `operator "${operator}": ${counted(rows, 'key')}, ${form.state.map(([name, type]) => `${name} ${type}`).join(', ')}`,
      ),
      ...Object.entries(code).map(([name, digest]) => `code ${name}: ${digest.slice(0, 12)}`),
      ...Object.entries(swapped).map(([id, { source }]) => `operator "${id}": swapped to ${source.slice(0, 12)}`),
      ...Object.entries(sources).map(
        ([id, { position, rows }]) =>
          `source "${id}", ${plan.sources[id] ?? '?'}: ${counted(rows, 'row')}, at ${JSON.stringify(position)}`,
      ),
      'all bytes are as they were written',
    ].join('\n'),
  )
}

async function remove({ words, json, terminal }: Asked): Promise<void> {
  const path = resolve(oneWord(savepoint, words, 'the folder of a savepoint'))
  deleteSavepoint(path)
  if (json) terminal.out(JSON.stringify({ deleted: path }))
  else terminal.err(`deleted ${path}`)
}

const bytesOf = ({ files }: Savepoint): number => Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0)

const factsOf = (path: string, found: Savepoint): object => ({
  path,
  job: found.epoch.job,
  lineage: found.epoch.lineage,
  epoch: found.epoch.epoch,
  made: new Date(found.wallMs).toISOString(),
  bytes: bytesOf(found),
  operators: found.operators.map(({ operator, rows }) => ({ operator, keys: rows })),
})
