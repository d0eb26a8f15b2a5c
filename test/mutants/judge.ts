/**
 * The judge of a mutant: a copy of the tree in which its rule is gone, and the test that must notice. A mutant is killed
 * where that very test finds something else than it expects; a test that runs out of time has found nothing.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, outcomesOf } from '../support/counts.js'
import { repository } from '../support/repository.js'
import { type Mutant } from './mutant.js'

const copied = [
  'src',
  'test',
  'python',
  'examples',
  'package.json',
  'pyproject.toml',
  'tsconfig.json',
  'vitest.config.ts',
]
/** One test of one file, with all that has to be loaded for it. */
const testMsMax = 120_000

/** Whoever makes it removes it. */
export function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'anabranch-mutants-'))
  for (const name of copied) cpSync(join(repository, name), join(copy, name), { recursive: true })
  for (const name of ['node_modules', '.venv']) symlinkSync(join(repository, name), join(copy, name))
  return copy
}

interface Ran {
  readonly outcomes: readonly Outcome[]
  readonly printed: string
}

/** The tests of a file whose name begins so, as they went in the copy. */
async function run(copy: string, [file, name]: Mutant['test']): Promise<Ran> {
  const report = join(copy, 'report')
  rmSync(report, { force: true })
  const vitest = ['run', '--project', 'fast', file, '-t', literally(name), '--reporter=json', `--outputFile=${report}`]
  const pytest = ['-q', '-p', 'no:cacheprovider', `${file}::${name}`, `--junitxml=${report}`]
  const isPython = file.endsWith('.py')
  const program = isPython ? join(copy, '.venv', 'bin', 'pytest') : join(copy, 'node_modules', '.bin', 'vitest')
  const printed = await ended(program, isPython ? pytest : vitest, copy)
  const all = existsSync(report) ? outcomesOf(report) : []
  return { outcomes: all.filter(each => each.name.startsWith(name)), printed }
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What it printed. Killed with all that it started where it takes too long, as a mutant that loops for ever does. */
function ended(program: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => printed.push(bytes))
  const deadline = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), testMsMax)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(deadline)
      resolve(Buffer.concat(printed).toString('utf8'))
    })
  })
}

export type Verdict = 'killed' | 'SURVIVED' | 'OUT OF TIME' | 'NOT FOUND' | 'NO TEST'

export async function judge(copy: string, mutant: Mutant): Promise<Verdict> {
  const path = join(copy, mutant.file)
  const text = readFileSync(path, 'utf8')
  if (text.split(mutant.from).length !== 2) return 'NOT FOUND'
  writeFileSync(
    path,
    text.replace(mutant.from, () => mutant.to),
  )
  const { outcomes } = await run(copy, mutant.test)
  writeFileSync(path, text)
  if (outcomes.some(({ outcome }) => outcome === 'failed')) return 'killed'
  if (outcomes.length === 0 || outcomes.some(({ outcome }) => outcome === 'out of time')) return 'OUT OF TIME'
  return 'SURVIVED'
}

/** A test that is not there, or is red by itself, notices nothing. */
export async function passes(copy: string, test: Mutant['test']): Promise<boolean> {
  const { outcomes, printed } = await run(copy, test)
  const ok = outcomes.length > 0 && outcomes.every(({ outcome }) => outcome === 'passed')
  if (!ok) console.log(`${test.join(': ')} does not pass without a mutant:\n${printed}`)
  return ok
}
