/**
 * `anabranch init`: a project that runs: the job of examples/first with a test in each language, and the Python side.
 *
 * The project depends on what this command came from: the archive, where it was installed from one; the folder, in a
 * clone; otherwise this version.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { PlanError, ShapeError, shape } from '../base/index.js'
import { type Command, oneWord, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { projectFiles } from './init-files.js'
import { type PackageFacts, packageFacts, packageRoot } from './package-root.js'
import { setUp } from './setup.js'

export const init: Command = {
  name: 'init',
  usage: 'init DIR [--no-setup] [--json]',
  summary: 'make a project that runs: a job, its transforms, a test in each language',
  options: [
    '--no-setup        make the files only; npx anabranch setup makes the Python side later',
    '--json            one JSON object: folder, anabranch, files, python',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(init, args, {
      json: { type: 'boolean' },
      'no-setup': { type: 'boolean' },
    })
    const given = oneWord(init, positionals, 'a folder')
    const folder = resolve(given)
    const facts = packageFacts()
    const anabranch = dependencyOf(folder, facts)
    const files = makeProject(folder, { ...facts, anabranch })
    const python = values['no-setup'] === true ? null : (await setUp(folder)).python
    const here = relative(process.cwd(), folder) || '.'
    if (values.json === true) terminal.out(JSON.stringify({ folder, anabranch, files, python }))
    else {
      const enter = here === '.' ? '' : `cd ${here} && `
      terminal.err(`made ${given}: ${files.join(', ')}\nnext: ${enter}npm install && npm start && npm test`)
    }
    return exitCodes.done
  },
}

const example = join(packageRoot, 'examples', 'first')
const copied = ['job.ts', 'transforms.py', 'transforms.anabranch.ts', 'input', 'test'] as const

/** Throws a PlanError ANB8007 where something lies in the folder. */
function makeProject(folder: string, facts: PackageFacts & { readonly anabranch: string }): readonly string[] {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new PlanError('ANB8007', `folder ${relative(process.cwd(), folder) || '.'} is not empty`)
  mkdirSync(folder, { recursive: true })
  for (const name of copied)
    cpSync(join(example, name), join(folder, name), {
      recursive: true,
      filter: source => !source.includes('__pycache__'),
    })
  const written = projectFiles({ name: packageNameOf(folder), ...facts })
  for (const [name, text] of Object.entries(written)) writeFileSync(join(folder, name), text)
  return [...copied, ...Object.keys(written)]
}

/** A name that npm takes: lower case, no spaces. */
function packageNameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
  return name === '' || name === 'anabranch' ? 'first-job' : name
}

/** What stands in the project's package.json for this package. */
function dependencyOf(folder: string, { version }: PackageFacts): string {
  const modules = dirname(packageRoot)
  if (basename(modules) !== 'node_modules') return `file:${relative(folder, packageRoot)}`
  const resolved = resolvedIn(join(modules, '.package-lock.json'))
  const archive = /^file:(.+)$/.exec(resolved ?? '')?.[1]
  return archive === undefined ? version : `file:${relative(folder, resolve(dirname(modules), archive))}`
}

/** Where npm says that it took this package from; null where it does not say. */
function resolvedIn(lock: string): string | null {
  try {
    const packages = shape.record(shape.record(JSON.parse(readFileSync(lock, 'utf8')), '')['packages'], 'packages')
    const entry = shape.record(packages['node_modules/anabranch'], 'anabranch')
    return typeof entry['resolved'] === 'string' ? entry['resolved'] : null
  } catch (error) {
    // Another package manager writes no such file.
    if (error instanceof ShapeError || error instanceof SyntaxError || !existsSync(lock)) return null
    throw error
  }
}
