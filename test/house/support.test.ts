/** What the tests lean on, tested: names, counts, and the look for what was left behind. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { outcomesOf, sum, testsOfPytest, testsOfVitest } from '../support/counts.js'
import { allProcesses, boundSockets, isOrphanGuard, ofOurs, type Process } from '../support/leftovers.js'
import { beginsWith, pytestName } from '../support/names.js'
import { repository } from '../support/repository.js'

const folder = mkdtempSync(join(tmpdir(), 'abh-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('npm test -- NAME', () => {
  test.each([
    ['W1', 'W1 a kill', true],
    ['W1', 'W10 a leak', false],
    ['W', 'W10 a leak', true],
    ['null key', 'Null keys go to dead letters', true],
    ['kill', 'W1 a kill', false],
  ])('%s finds "%s": %s', (asked, name, found) => {
    expect(beginsWith(name, asked)).toBe(found)
  })

  test('is asked of projects that run beside each other too', { timeout: 60_000 }, () => {
    const env = { ...process.env, ANABRANCH_TEST_NAME: 'pytest spells' }
    const program = join(repository, 'node_modules', '.bin', 'vitest')
    const ran = spawnSync(program, ['run', 'test/house/support', 'test/unit/base'], {
      cwd: repository,
      env,
      encoding: 'utf8',
    })
    expect(ran.status, ran.stdout + ran.stderr).toBe(0)
    expect(ran.stdout).toMatch(/Tests .*1 passed/)
  })

  test('pytest spells names with underscores', () => {
    expect(pytestName('W6 a hang, in C')).toBe('test_w6_a_hang_in_c')
  })
})

describe('counts', () => {
  const assertion = (status: string, title: string) => ({ status, title, ancestorTitles: ['group'] })

  test('of vitest: each test is one, and a file that does not load is one failure', () => {
    const broken = { ...assertion('failed', 'b'), failureMessages: ['expected 1 to be 2\n    at b.ts:1'] }
    const testResults = [
      {
        status: 'failed',
        name: 'a.test.ts',
        assertionResults: [assertion('passed', 'a'), broken, assertion('skipped', 'c')],
      },
      { status: 'failed', name: 'test/b.test.ts', message: 'no such module', assertionResults: [] },
    ]
    const report = file('vitest.json', JSON.stringify({ testResults }))
    expect(testsOfVitest(report)).toEqual({
      passed: 1,
      failures: ['group > b\n    expected 1 to be 2', 'b.test.ts\n    no such module'],
      names: ['a', 'group'],
      skipped: ['c'],
    })
  })

  test('of pytest: a failure and an error are failures, a skipped test is told by its name', () => {
    const report = file(
      'pytest.xml',
      '<testsuite><testcase classname="x" name="test_a" time="0"/><testcase name="test_b"><failure>no</failure></testcase>' +
        '<testcase name="test_c"><error>no</error></testcase><testcase name="test_d"><skipped/></testcase></testsuite>',
    )
    expect(testsOfPytest(report)).toEqual({
      passed: 1,
      failures: ['test_b', 'test_c'],
      names: ['test_a'],
      skipped: ['test_d'],
    })
  })

  test('a test that only ran out of time is no test that found something', () => {
    const failed = (title: string, ...failureMessages: string[]) => ({ ...assertion('failed', title), failureMessages })
    const assertionResults = [
      assertion('passed', 'a'),
      assertion('skipped', 'b'),
      failed('c', 'AssertionError: expected 1 to be 2'),
      failed('d', 'Error: Test timed out in 30000ms.'),
    ]
    const report = file('outcomes.json', JSON.stringify({ testResults: [{ status: 'failed', assertionResults }] }))
    expect(outcomesOf(report).map(each => `${each.name} ${each.outcome}`)).toEqual([
      'a passed',
      'c failed',
      'd out of time',
    ])
  })

  test('a report that was not written counts nothing', () => {
    const none = join(folder, 'none')
    expect(sum([testsOfVitest(none), testsOfPytest(none)])).toEqual({
      passed: 0,
      failures: [],
      names: [],
      skipped: [],
    })
  })
})

describe('what a run left behind', () => {
  const ours = { folder, before: new Set<number>(), runner: () => false }

  test('a process that has the folder in its environment is ours, until it is gone', async () => {
    const child = spawn('sleep', ['60'], { env: { PATH: process.env['PATH'], TMPDIR: `${folder}/t` }, stdio: 'ignore' })
    await new Promise(resolve => child.once('spawn', resolve))
    const found = (): readonly number[] => ofOurs(allProcesses(), ours).map(each => each.pid)
    expect(found()).toEqual([child.pid])
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    expect(found()).toEqual([])
  })

  test('a bound socket in the folder is ours', async () => {
    const path = join(folder, 'w0')
    const server = createServer()
    await new Promise<void>(resolve => server.listen(path, resolve))
    expect(boundSockets(folder)).toEqual([path])
    await new Promise(resolve => server.close(resolve))
    expect(boundSockets(folder)).toEqual([])
  })

  test('a guard is left over when its host is gone, and not before', () => {
    const guard: Process = { pid: 7, parent: 5, command: "/bin/sh -c trap '' HUP; shift 19; rm", traces: '' }
    const host: Process = { pid: 5, parent: 1, command: 'node dist/cli/main.js', traces: '' }
    const init: Process = { pid: 1, parent: 0, command: '/sbin/init', traces: '' }
    expect(isOrphanGuard(guard, [guard, host, init])).toBe(false)
    expect(isOrphanGuard({ ...guard, parent: 1 }, [guard, host, init])).toBe(true)
    expect(isOrphanGuard(host, [host, init])).toBe(false)
    const orphans = [{ ...guard, parent: 1 }, init]
    expect(ofOurs(orphans, ours).map(each => each.pid)).toEqual([7])
    expect(ofOurs(orphans, { ...ours, before: new Set([7]) })).toEqual([])
    expect(ofOurs(orphans, { ...ours, runner: () => true })).toEqual([])
  })
})
