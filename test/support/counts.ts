/** What a test run counted, read from the reports that vitest and pytest write. A report that is missing counts nothing. */
import { existsSync, readFileSync } from 'node:fs'

export interface Counts {
  readonly passed: number
  /** Each test that failed, by its name and the first lines of what it found. */
  readonly failures: readonly string[]
  /** Names of the tests that passed, as written, without the groups around them; then with each group's name. */
  readonly names: readonly string[]
  /** Names of the tests that left themselves out, for want of something that this machine does not give. */
  readonly skipped: readonly string[]
}

export const noCounts: Counts = { passed: 0, failures: [], names: [], skipped: [] }

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly title: string
      readonly ancestorTitles: readonly string[]
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/** How one test went; it is out of time where nothing was found before its limit. */
export interface Outcome {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'out of time'
}

/** The tests that ran, by a report of either kind. */
export function outcomesOf(path: string): readonly Outcome[] {
  const text = readFileSync(path, 'utf8')
  if (text.startsWith('<'))
    return casesOf(text).flatMap(({ name, outcome }) => (outcome === 'skipped' ? [] : [{ name, outcome }]))
  const report: VitestReport = JSON.parse(text)
  return report.testResults
    .flatMap(file => file.assertionResults)
    .filter(({ status }) => status === 'passed' || status === 'failed')
    .map(({ title, status, failureMessages = [] }) => {
      if (status === 'passed') return { name: title, outcome: status }
      const late = failureMessages.every(message => /timed out in \d+ms/.test(message))
      return { name: title, outcome: late ? 'out of time' : 'failed' }
    })
}

export function testsOfVitest(path: string): Counts {
  if (!existsSync(path)) return noCounts
  const report: VitestReport = JSON.parse(readFileSync(path, 'utf8'))
  const all = report.testResults.flatMap(file => file.assertionResults)
  const passed = all.filter(each => each.status === 'passed')
  // A file that does not load has no tests, and still failed.
  const broken = report.testResults.filter(file => file.status === 'failed' && !hasFailure(file.assertionResults))
  const failed = all.filter(each => each.status === 'failed')
  return {
    passed: passed.length,
    failures: [
      ...failed.map(({ ancestorTitles, title, failureMessages = [] }) =>
        failure([...ancestorTitles, title].join(' > '), failureMessages[0]),
      ),
      ...broken.map(({ name, message }) => failure(name.slice(name.lastIndexOf('/') + 1), message)),
    ],
    names: passed.flatMap(each => [each.title, ...each.ancestorTitles]),
    skipped: all.filter(each => each.status === 'skipped').map(each => each.title),
  }
}

/** What one looks for at the end of a long report: enough of the message to know the fault again. */
function failure(name: string, message = ''): string {
  const lines = message.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line))
  return [name, ...lines.slice(0, 12).map(line => `    ${line.slice(0, 300)}`)].join('\n')
}

function hasFailure(tests: readonly { readonly status: string }[]): boolean {
  return tests.some(each => each.status === 'failed')
}

export function testsOfPytest(path: string): Counts {
  if (!existsSync(path)) return noCounts
  const cases = casesOf(readFileSync(path, 'utf8'))
  const named = (outcome: string): readonly string[] => cases.filter(c => c.outcome === outcome).map(c => c.name)
  const names = named('passed')
  return { passed: names.length, failures: named('failed'), names, skipped: named('skipped') }
}

/** The tests of a JUnit report. */
function casesOf(xml: string): readonly { readonly name: string; readonly outcome: 'passed' | 'failed' | 'skipped' }[] {
  const cases = [...xml.matchAll(/<testcase\b[^>]*?\bname="([^"]*)"[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g)]
  return cases.map(([, name = '', , inside = '']) => {
    const outcome = /<skipped\b/.test(inside) ? 'skipped' : /<(failure|error)\b/.test(inside) ? 'failed' : 'passed'
    return { name, outcome }
  })
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (left, right) => ({
      passed: left.passed + right.passed,
      failures: [...left.failures, ...right.failures],
      names: [...left.names, ...right.names],
      skipped: [...left.skipped, ...right.skipped],
    }),
    noCounts,
  )
}
