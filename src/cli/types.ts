/**
 * `anabranch types transforms.py` writes `transforms.anabranch.ts` beside it: what the module declares, as data that
 * TypeScript checks a job against. Users commit it. `--from x.parquet` prints the schema of a file as Python.
 */
import { writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { openWorld, packageFolder } from '../runtime/index.js'
import { type DescribeOptions, describeModule, describeParquet } from '../workers/index.js'
import { UsageError, exitCodes, parse } from './command.js'
import { projectPython } from './python.js'
import { schemaText, typesFile } from './types-file.js'

const usage = `usage: anabranch types transforms.py ...        writes transforms.anabranch.ts beside each
       anabranch types --from x.parquet [--name S]  prints the schema of a Parquet file as Python
`

export async function types(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { from: { type: 'string' }, name: { type: 'string' } }, usage)
  if (values.from === undefined && positionals.length === 0) throw new UsageError('expected a Python module, got none', usage)
  const world = openWorld()
  try {
    const optionsFor = async (path: string): Promise<DescribeOptions> => ({
      world,
      python: await projectPython(dirname(path), world),
      packageFolder,
      cwd: dirname(path),
      hostEnv: process.env,
    })
    if (values.from !== undefined) {
      const path = resolve(values.from)
      process.stdout.write(schemaText(values.name ?? 'Row', await describeParquet(path, await optionsFor(path))))
    }
    for (const file of positionals) await write(resolve(file), optionsFor)
    return exitCodes.done
  } finally {
    await world.close()
  }
}

async function write(path: string, optionsFor: (path: string) => Promise<DescribeOptions>): Promise<void> {
  if (!path.endsWith('.py')) throw new UsageError(`expected a Python module, got "${basename(path)}"`, usage)
  const module = await describeModule(path, await optionsFor(path))
  const to = path.replace(/\.py$/, '.anabranch.ts')
  writeFileSync(to, typesFile(module, basename(path)))
  process.stderr.write(`wrote ${to}\n`)
}

