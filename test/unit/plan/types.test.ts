import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../../support/repository.js'

const fixtures = join(repository, 'test', 'types', 'fixtures')
const read = (name: string): readonly string[] => readFileSync(join(fixtures, name), 'utf8').split('\n')

/** What tsc says of the fixtures: all text of the errors of each line, by `file:line`. */
function errorsByLine(): ReadonlyMap<string, string> {
  const errors = new Map<string, string>()
  let at = ''
  for (const line of tsc().split('\n')) {
    const found = /([\w.-]+\.ts)\((\d+),\d+\): error/.exec(line)
    if (found !== null) at = `${found[1]}:${found[2]}`
    if (at !== '') errors.set(at, `${errors.get(at) ?? ''}${line}\n`)
  }
  return errors
}

function tsc(): string {
  try {
    const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
    return execFileSync(process.execPath, [compiler, '-p', fixtures, '--noErrorTruncation'], { encoding: 'utf8' })
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  }
}

describe('tsc checks a job against what its transforms declare', () => {
  let errors: ReadonlyMap<string, string> = new Map()
  beforeAll(() => {
    errors = errorsByLine()
  }, 120_000)

  test('a job that fits compiles', () => {
    expect([...errors].filter(([place]) => !place.startsWith('bad.ts'))).toEqual([])
  })

  const lines = read('bad.ts').map((text, index) => ({ text, place: `bad.ts:${index + 1}` }))
  for (const { text, place } of lines) {
    const expected = / \/\/ error: (.*)$/.exec(text)?.[1]
    if (expected === undefined) continue
    test(`the line \`${text.split(' // error')[0]}\` is refused with "${expected}"`, () => {
      // A text inside a literal type is printed with its quotes escaped.
      expect((errors.get(place) ?? 'no error').replaceAll('\\"', '"')).toContain(expected)
    })
  }

  test('no other line is refused', () => {
    const expected = lines.filter(({ text }) => text.includes(' // error: ')).map(({ place }) => place)
    expect([...errors.keys()].filter(place => !expected.includes(place))).toEqual([])
  })
})
