/** What a test run counted, read from the reports that vitest and pytest write. A report that is missing counts nothing. */
import { existsSync, readFileSync } from 'node:fs'

export interface Counts {
  readonly passed: number
  readonly failed: number
  /** Names of the tests that passed, as written, without the groups around them; then with each group's name. */
  readonly names: readonly string[]
}

export const noCounts: Counts = { passed: 0, failed: 0, names: [] }

interface VitestReport {
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly title: string
      readonly ancestorTitles: readonly string[]
    }[]
  }[]
}

export function testsOfVitest(path: string): Counts {
  if (!existsSync(path)) return noCounts
  const report: VitestReport = JSON.parse(readFileSync(path, 'utf8'))
  const all = report.testResults.flatMap(file => file.assertionResults)
  const passed = all.filter(each => each.status === 'passed')
  // A file that does not load has no tests, and still failed.
  const broken = report.testResults.filter(file => file.status === 'failed' && !hasFailure(file.assertionResults))
  return {
    passed: passed.length,
    failed: all.filter(each => each.status === 'failed').length + broken.length,
    names: passed.flatMap(each => [each.title, ...each.ancestorTitles]),
  }
}

function hasFailure(tests: readonly { readonly status: string }[]): boolean {
  return tests.some(each => each.status === 'failed')
}

export function testsOfPytest(path: string): Counts {
  if (!existsSync(path)) return noCounts
  const xml = readFileSync(path, 'utf8')
  const cases = [...xml.matchAll(/<testcase\b[^>]*?\bname="([^"]*)"[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g)]
  const failed = cases.filter(each => /<(failure|error)\b/.test(each[3] ?? ''))
  const passed = cases.filter(each => !/<(failure|error|skipped)\b/.test(each[3] ?? ''))
  return { passed: passed.length, failed: failed.length, names: passed.map(each => each[1] ?? '') }
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (left, right) => ({
      passed: left.passed + right.passed,
      failed: left.failed + right.failed,
      names: [...left.names, ...right.names],
    }),
    noCounts,
  )
}
