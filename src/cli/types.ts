/** `anabranch types`: writes the types file of a Python module, or prints the schema of a Parquet file. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { PlanError } from '../base/index.js'
import { openWorld, packageFolder } from '../runtime/index.js'
import { type DescribeOptions, describeModule, describeParquet } from '../workers/index.js'
import { type Command, type Terminal, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { pythonFor } from './python.js'
import { parquetSchemaText, typesFileText } from './types-file.js'

export const types: Command = {
  name: 'types',
  usage: 'types transforms.py [--check] | types --from x.parquet [--name NAME] [--ts]',
  summary: 'write transforms.anabranch.ts beside a Python module, or print the schema of a Parquet file',
  options: [
    '--check           write nothing; exit code 2 where the types file is not what would be written',
    '--from FILE       print the schema of a Parquet file, as Python',
    '--name NAME       its name; default: from the name of the file',
    '--ts              as TypeScript, for a job without a Python schema',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(types, args, {
      check: { type: 'boolean' },
      from: { type: 'string' },
      name: { type: 'string' },
      ts: { type: 'boolean' },
    })
    if ((values.from === undefined) === (positionals.length === 0)) {
      throw usageError(types, 'types needs a Python file, or --from and a Parquet file')
    }
    const path = resolve(values.from ?? positionals[0] ?? '')
    return withPython(dirname(path), async options => {
      if (values.from !== undefined) {
        const columns = await describeParquet(path, options)
        terminal.out(parquetSchemaText(columns, { path, name: values.name ?? null, ts: values.ts === true }))
        return exitCodes.done
      }
      for (const file of positionals) await writeTypes(resolve(file), values.check === true, options, terminal)
      return exitCodes.done
    })
  },
}

async function withPython(folder: string, work: (options: DescribeOptions) => Promise<number>): Promise<number> {
  const world = openWorld()
  try {
    const cwd = existsSync(folder) ? folder : process.cwd()
    const python = await pythonFor(cwd, world)
    return await work({ world, python, packageFolder, cwd, hostEnv: process.env })
  } finally {
    await world.close()
  }
}

async function writeTypes(path: string, check: boolean, options: DescribeOptions, terminal: Terminal): Promise<void> {
  if (!path.endsWith('.py')) throw usageError(types, `types takes a Python file, but got "${basename(path)}"`)
  const module = await describeModule(path, { ...options, cwd: dirname(path) })
  const text = typesFileText(module)
  const file = join(dirname(path), `${basename(path, '.py')}.anabranch.ts`)
  const name = relative(process.cwd(), file)
  if (!check) {
    writeFileSync(file, text)
    const count = (of: number, what: string): string => `${of} ${what}${of === 1 ? '' : 's'}`
    const found = `${count(Object.keys(module.schemas).length, 'schema')}, ${count(module.functions.length, 'function')}`
    terminal.err(`wrote ${name}: ${found}`)
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    const hint = `run: npx anabranch types ${relative(process.cwd(), path)}`
    throw new PlanError('ANB1009', `types file ${name} is not what ${basename(path)} declares now`, { hint })
  } else terminal.err(`${name} is up to date`)
}
