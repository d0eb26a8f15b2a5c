/**
 * `npm run mutants`: takes away one rule at a time in a copy of the tree and runs the test that must notice. A mutant that
 * no test notices is a rule that nobody guards: exit code 1. `npm run mutants -- TEXT` takes those whose rule has the text.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../support/repository.js'
import { type Mutant, mutants } from './table.js'

/** Enough for each mutant to be noticed, and few enough for all of them to take some minutes. */
const seeds = '300'
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

function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'anabranch-mutants-'))
  for (const name of copied) cpSync(join(repository, name), join(copy, name), { recursive: true })
  for (const name of ['node_modules', '.venv']) symlinkSync(join(repository, name), join(copy, name))
  return copy
}

/** Whether the tests of a file pass in the copy; what they printed where they do not. */
function passes(copy: string, test: string): { readonly ok: boolean; readonly printed: string } {
  const vitest = [join(copy, 'node_modules', '.bin', 'vitest'), 'run', '--project', 'fast', test]
  const pytest = [join(copy, '.venv', 'bin', 'python'), '-m', 'pytest', test]
  const [program = '', ...args] = test.endsWith('.py') ? pytest : vitest
  const env = { ...process.env, SEEDS: seeds, PYTHONDONTWRITEBYTECODE: '1' }
  const ended = spawnSync(program, args, { cwd: copy, env, encoding: 'utf8', timeout: 300_000 })
  return { ok: ended.status === 0, printed: `${ended.stdout}${ended.stderr}` }
}

type Verdict = 'red' | 'GREEN' | 'NOT FOUND'

function judge(copy: string, { file, from, to, test }: Mutant): Verdict {
  const path = join(copy, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) return 'NOT FOUND'
  writeFileSync(
    path,
    text.replace(from, () => to),
  )
  const { ok } = passes(copy, test)
  writeFileSync(path, text)
  return ok ? 'GREEN' : 'red'
}

function main(): void {
  const asked = process.argv.slice(2).join(' ')
  const mine = mutants.filter(({ rule }) => rule.includes(asked))
  const copy = copyTree()
  try {
    // A test that is red by itself notices nothing.
    const broken = [...new Set(mine.map(({ test }) => test))].filter(test => {
      const { ok, printed } = passes(copy, test)
      if (!ok) console.log(`${test} fails without a mutant:\n${printed}`)
      return !ok
    })
    const verdicts = broken.length > 0 ? [] : mine.map(mutant => told(mutant, judge(copy, mutant)))
    const red = verdicts.filter(verdict => verdict === 'red').length
    console.log(`\n${red} of ${mine.length} mutants turned their test red`)
    process.exitCode = red === mine.length && red > 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function told({ rule, test }: Mutant, verdict: Verdict): Verdict {
  console.log(`${verdict.padEnd(10)} ${rule.padEnd(40)} ${test}`)
  return verdict
}

main()
