/**
 * The examples do what their folders say: each runs as a user runs it, and `expected/` holds what comes out.
 *
 * `expected/result.json` holds fields of the line that `--json` prints; every other file there has the lines of the file
 * of the same path in the output folder, to the byte, in any order: between keys none is promised.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { repository } from '../support/repository.js'
import { runFolder } from '../support/run-folder.js'

const folder = join(repository, 'examples')
const examples = readdirSync(folder).filter(name => existsSync(join(folder, name, 'job.ts')))

function expectedOf(name: string): readonly string[] {
  const expected = join(folder, name, 'expected')
  const entries = readdirSync(expected, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => relative(expected, join(entry.parentPath, entry.name)))
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').sort()
}

describe('an example gives what its folder says it gives', () => {
  test.each(examples)('%s', { timeout: 180_000 }, async name => {
    const out = mkdtempSync(join(runFolder().jobs, 'e'))
    const args = ['run', join('examples', name, 'job.ts'), '--json', '--out', out]
    const ended = await runCli(args, { cwd: repository, timeoutMs: 170_000 })
    expect(ended.code, ended.stderr).toBe(0)

    const files = expectedOf(name)
    expect(files).not.toEqual([])
    for (const file of files) {
      const expected = readFileSync(join(folder, name, 'expected', file), 'utf8')
      if (file === 'result.json') expect(ended.json).toMatchObject(JSON.parse(expected))
      else expect(linesOf(readFileSync(join(out, file), 'utf8'))).toEqual(linesOf(expected))
    }
  })
})
