/**
 * `npm test`: all that continuous integration checks, as a table of steps; `npm test -- NAME` only what begins with NAME.
 *
 * The steps that only read are run two at a time (a CI machine has two cores), the tests one after the other, since they
 * start processes and measure time; but pytest, which takes one core, beside the tests of whole systems, which wait as much as
 * they compute and measure time only at their end. Every step runs even where one before it failed. The last line counts: each
 * test is one, and a step that has no tests of its own (a type check, a linter) is one failure where it fails and nothing else.
 * Before it stands what failed, so that the end of a long report is enough.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { missingEvidence } from './house/rules/evidence.js'
import { type Counts, noCounts, sum, testsOfPytest, testsOfVitest } from './support/counts.js'
import { beginsWith, pytestName } from './support/names.js'
import { repository } from './support/repository.js'

interface Step {
  readonly name: string
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Reads what it counted; a step without is judged by its exit code alone. */
  readonly counts?: () => Counts
  /** Exit codes that are no failure. */
  readonly fine?: readonly number[]
}

interface Done extends Counts {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
}

const cache = join(repository, '.cache')
const bin = (name: string): string => join(repository, 'node_modules', '.bin', name)
const py = (name: string): string => join(repository, '.venv', 'bin', name)

const readers: readonly Step[] = [
  { name: 'types (tsc)', command: [bin('tsc'), '--noEmit', '-p', 'test/tsconfig.json'] },
  { name: 'types (mypy)', command: [py('mypy')] },
  { name: 'lint and format (biome)', command: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'lint (ruff)', command: [py('ruff'), 'check', '.'] },
  { name: 'format (ruff)', command: [py('ruff'), 'format', '--check', '.'] },
  { name: 'dead code (knip)', command: [bin('knip')] },
  { name: 'reference', command: [process.execPath, '--import', 'tsx', 'test/reference/run.ts'] },
]

function vitest(name: string, project: string, env: Readonly<Record<string, string>> = {}): Step {
  const report = join(cache, `vitest-${project.replace('*', '')}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const only = project === 'all' ? [] : ['--project', project]
  return { name, command: [bin('vitest'), 'run', ...only, ...reporters], env, counts: () => testsOfVitest(report) }
}

function pytest(args: readonly string[] = []): Step {
  const report = join(cache, 'pytest.xml')
  const none = 5
  const fine = args.length > 0 ? [none] : []
  return {
    name: 'pytest',
    command: [py('pytest'), `--junitxml=${report}`, ...args],
    counts: () => testsOfPytest(report),
    fine,
  }
}

const testers: readonly Step[] = [vitest('house', 'house'), vitest('unit, promises, properties, simulation', 'fast')]

async function everything(): Promise<readonly Done[]> {
  const waiting = [...readers]
  const read: Done[] = []
  const take = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift())
      read.push(await run(step, 'when it fails'))
  }
  await Promise.all([take(), take()])
  const tested: Done[] = []
  for (const step of testers) tested.push(await run(step, 'always'))
  const systems = run(vitest('system and examples', 'system*'), 'always')
  tested.push(...(await Promise.all([systems, run(pytest(), 'when it fails')])))
  return [...read, ...tested, evidence(tested), skips(tested)]
}

async function named(name: string): Promise<readonly Done[]> {
  const steps = [vitest('vitest', 'all', { ANABRANCH_TEST_NAME: name }), pytest(['-k', pytestName(name)])]
  const done: Done[] = []
  for (const step of steps) done.push(await run(step, 'always'))
  // pytest looks for the name anywhere in its own; only what begins with it counts as found.
  const found = done
    .flatMap(each => each.names)
    .some(each => beginsWith(each, name) || each.startsWith(pytestName(name)))
  if (found) return done
  return [
    ...done,
    {
      name: `a test that begins with "${name}"`,
      ok: false,
      seconds: 0,
      ...noCounts,
      failures: [`no test begins with "${name}"`],
    },
  ]
}

/** In CI every test has what it needs: there one that leaves itself out would hide what it shows. */
const inCi = process.env['CI'] === 'true'

/** The tables that the tests must cover, held against what ran and passed in this very run. */
function evidence(tested: readonly Done[]): Done {
  const missing = missingEvidence(tested.flatMap(each => (inCi ? each.names : [...each.names, ...each.skipped])))
  const failures = missing.map(row => `no test passed whose name begins with "${row.id}" (${row.what})`)
  return { name: 'every row has its test', ok: failures.length === 0, seconds: 0, ...noCounts, failures }
}

/** Tests that lack root or a program on this machine: told, and a failure in CI. */
function skips(tested: readonly Done[]): Done {
  const skipped = tested.flatMap(each => each.skipped)
  for (const name of skipped) console.log(`skipped on this machine: ${name}`)
  const failures = inCi ? skipped.map(name => `skipped: ${name}`) : []
  return { name: 'no test that CI must run is left out', ok: failures.length === 0, seconds: 0, ...noCounts, failures }
}

function run(step: Step, show: 'always' | 'when it fails'): Promise<Done> {
  const [program = '', ...args] = step.command
  const started = performance.now()
  if (show === 'always') console.log(`\n── ${step.name}`)
  const stdio = show === 'always' ? (['ignore', 'inherit', 'inherit'] as const) : (['ignore', 'pipe', 'pipe'] as const)
  const child = spawn(program, args, { cwd: repository, stdio: [...stdio], env: { ...process.env, ...step.env } })
  const printed: Buffer[] = []
  child.stdout?.on('data', (bytes: Buffer) => printed.push(bytes))
  child.stderr?.on('data', (bytes: Buffer) => printed.push(bytes))
  return new Promise(resolve => {
    child.on('error', error => printed.push(Buffer.from(String(error))))
    child.on('close', code => {
      const ok = code === 0 || (code !== null && step.fine?.includes(code) === true)
      const seconds = (performance.now() - started) / 1000
      if (show !== 'always') console.log(line({ name: step.name, ok, seconds }))
      if (!ok) process.stdout.write(Buffer.concat(printed))
      resolve(counted(step, { ok, seconds }))
    })
  })
}

/** A step that failed counts at least one failure, or the closing line would say that all is well. */
function counted(step: Step, { ok, seconds }: { ok: boolean; seconds: number }): Done {
  const counts = step.counts?.() ?? noCounts
  const failures = !ok && counts.failures.length === 0 ? [`${step.name}: see above`] : counts.failures
  return { name: step.name, ok, seconds, ...counts, failures }
}

function line({ name, ok, seconds, tests }: { name: string; ok: boolean; seconds: number; tests?: string }): string {
  return `${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(42)} ${seconds.toFixed(1).padStart(7)} s  ${tests ?? ''}`.trimEnd()
}

function tests({ passed, failures }: Counts): string {
  const failed = failures.length
  return passed + failed === 0 ? '' : `${passed} passed${failed > 0 ? `, ${failed} failed` : ''}`
}

async function main(): Promise<void> {
  mkdirSync(cache, { recursive: true })
  for (const name of ['all', 'house', 'fast', 'system']) rmSync(join(cache, `vitest-${name}.json`), { force: true })
  rmSync(join(cache, 'pytest.xml'), { force: true })
  const name = process.argv.slice(2).join(' ')
  const started = performance.now()
  const done = name === '' ? await everything() : await named(name)
  console.log('')
  for (const each of done) console.log(line({ ...each, tests: tests(each) }))
  console.log(line({ name: 'all', ok: done.every(each => each.ok), seconds: (performance.now() - started) / 1000 }))
  const { passed, failures } = sum(done)
  for (const each of failures) console.log(`\nFAILED  ${each}`)
  console.log(`\n${passed} passed, ${failures.length} failed`)
  process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1
}

await main()
