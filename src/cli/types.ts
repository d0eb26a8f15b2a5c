/** `anabranch types`: writes the types file of a Python module, or prints the schema of a Parquet file. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { PlanError } from '../base/index.js'
import { openWorld, packageFolder, pythonFor } from '../runtime/index.js'
import { type DescribeOptions, describeModule, describeParquet } from '../workers/index.js'
import { type Command, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { counted } from './progress.js'
import { parquetSchemaText, typesFileText } from './types-file.js'

export const types: Command = {
  name: 'types',
  usage: 'types transforms.py [--check] [--json] | types --from x.parquet [--name NAME] [--ts] [--json]',
  summary: 'write transforms.anabranch.ts beside a Python module, or print the schema of a Parquet file',
  options: [
    '--check           write nothing; exit code 2 where the types file is not what would be written',
    '--from FILE       print the schema of a Parquet file, as Python',
    '--name NAME       its name; default: from the name of the file',
    '--ts              as TypeScript, for a job without a Python schema',
    '--json            one JSON object: files, or the schema',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(types, args, {
      check: { type: 'boolean' },
      from: { type: 'string' },
      name: { type: 'string' },
      ts: { type: 'boolean' },
      json: { type: 'boolean' },
    })
    if ((values.from === undefined) === (positionals.length === 0)) {
      throw usageError(types, 'types needs a Python file, or --from and a Parquet file')
    }
    const stranger = positionals.find(word => !word.endsWith('.py'))
    if (stranger !== undefined) throw usageError(types, `types takes Python files, but got "${stranger}"`)
    for (const file of values.from === undefined ? positionals : [values.from]) mustBeFile(file)
    const json = values.json === true
    if (values.from !== undefined) {
      const path = resolve(values.from)
      const columns = await withPython(dirname(path), options => describeParquet(path, options))
      const text = parquetSchemaText(columns, { path, name: values.name ?? null, ts: values.ts === true })
      terminal.out(json ? JSON.stringify({ schema: columns }) : text)
      return exitCodes.done
    }
    const files: TypesFile[] = []
    for (const module of positionals) {
      const file = values.check === true ? await checkTypes(resolve(module)) : await writeTypes(resolve(module))
      files.push(file)
      const found = `${counted(file.schemas, 'schema')}, ${counted(file.functions, 'function')}`
      terminal.err(values.check === true ? `${file.file} is up to date` : `wrote ${file.file}: ${found}`)
    }
    if (json) terminal.out(JSON.stringify({ files }))
    return exitCodes.done
  },
}

/** Found out here: Python would say it with a traceback. */
function mustBeFile(given: string): void {
  const there = statSync(given, { throwIfNoEntry: false })
  if (there?.isFile() === true) return
  const what = there === undefined ? 'does not exist' : 'is not a file'
  throw new PlanError('ANB4001', `expected a file to read, "${given}" ${what}`)
}

export interface TypesFile {
  /** Path from here. */
  readonly file: string
  readonly schemas: number
  readonly functions: number
}

/** Writes the types file of a module. Throws a PlanError that says what is wrong with the module. */
export async function writeTypes(module: string): Promise<TypesFile> {
  const { path, text, ...file } = await typesOf(module)
  writeFileSync(path, text)
  return file
}

/** Throws a PlanError ANB1009 where the types file is not what `writeTypes` would write. */
async function checkTypes(module: string): Promise<TypesFile> {
  const { path, text, ...file } = await typesOf(module)
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return file
  const hint = `run: npx anabranch types ${relative(process.cwd(), module)}`
  throw new PlanError('ANB1009', `types file ${file.file} is not what ${basename(module)} declares now`, { hint })
}

async function typesOf(module: string): Promise<TypesFile & { readonly path: string; readonly text: string }> {
  if (!module.endsWith('.py')) throw usageError(types, `types takes a Python file, but got "${basename(module)}"`)
  const described = await withPython(dirname(module), options => describeModule(module, options))
  const path = join(dirname(module), `${basename(module, '.py')}.anabranch.ts`)
  const { schemas, functions } = described
  return {
    file: relative(process.cwd(), path),
    schemas: Object.keys(schemas).length,
    functions: functions.length,
    path,
    text: typesFileText(described),
  }
}

async function withPython<T>(folder: string, work: (options: DescribeOptions) => Promise<T>): Promise<T> {
  const world = openWorld()
  try {
    const cwd = existsSync(folder) ? folder : process.cwd()
    const python = await pythonFor(cwd, world)
    return await work({ world, python, packageFolder, cwd, hostEnv: process.env })
  } finally {
    await world.close()
  }
}
