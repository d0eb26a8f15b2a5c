/**
 * `npm run mutants`: takes away one rule at a time in a copy of the tree and runs the test that must notice. A mutant is
 * killed where that very test finds something else than it expects; a test that runs out of time has found nothing. Exit
 * code 1 where one is not killed. `npm run mutants -- TEXT` takes those whose rule has the text.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, outcomesOf } from '../support/counts.js'
import { repository } from '../support/repository.js'
import { type Mutant } from './mutant.js'
import { mutants } from './table.js'

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
const testMsMax = 60_000

function copyTree(): string {
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

type Verdict = 'killed' | 'SURVIVED' | 'OUT OF TIME' | 'NOT FOUND' | 'NO TEST'

async function judge(copy: string, mutant: Mutant): Promise<Verdict> {
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
async function passes(copy: string, test: Mutant['test']): Promise<boolean> {
  const { outcomes, printed } = await run(copy, test)
  const ok = outcomes.length > 0 && outcomes.every(({ outcome }) => outcome === 'passed')
  if (!ok) console.log(`${test.join(': ')} does not pass without a mutant:\n${printed}`)
  return ok
}

async function take(waiting: Mutant[], verdicts: Verdict[]): Promise<void> {
  const copy = copyTree()
  try {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = (await passes(copy, mutant.test)) ? await judge(copy, mutant) : 'NO TEST'
      verdicts.push(verdict)
      console.log(`${verdict.padEnd(12)} ${mutant.rule.padEnd(50)} ${mutant.test.join(': ')}`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2).join(' ')
  const mine = mutants.filter(({ rule }) => rule.includes(asked))
  const waiting = [...mine]
  const verdicts: Verdict[] = []
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, () => take(waiting, verdicts)))
  const killed = verdicts.filter(verdict => verdict === 'killed').length
  console.log(`\n${killed} of ${mine.length} mutants were killed`)
  process.exitCode = killed === mine.length && killed > 0 ? 0 : 1
}

await main()
