/** Sources of modules by their digest: for the workers of a run, beside the state, and from a savepoint. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { StateError } from '../../../src/base/index.js'
import { realFiles } from '../../../src/runtime/index.js'
import { CodeFolder } from '../../../src/runtime/open/code-folder.js'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

function places() {
  const root = mkdtempSync(join(tmpdir(), 'code-'))
  roots.push(root)
  const at = { run: join(root, 'run'), kept: join(root, 'kept'), saved: join(root, 'saved') }
  const module = join(root, 'transforms.py')
  writeFileSync(module, 'one')
  return { ...at, module, folder: new CodeFolder(realFiles, at) }
}

test('a copy is for the workers of the run alone: nothing is kept beside the state before it is asked for', () => {
  const { folder, module, kept } = places()
  const digest = folder.copy(module)
  writeFileSync(module, 'edited')
  expect(readFileSync(folder.pathOf(digest), 'utf8')).toBe('one')
  expect(existsSync(kept)).toBe(false)
  folder.keep([digest])
  expect(readdirSync(kept)).toEqual([`${digest}.py`])
})

test('what no epoch names any more is taken away, half-written files too', () => {
  const { folder, module, kept } = places()
  const first = folder.copy(module)
  writeFileSync(module, 'two')
  const second = folder.copy(module)
  folder.keep([first, second])
  writeFileSync(join(kept, `${first}.py.new`), 'on')
  folder.leave(new Set([second]))
  expect(readdirSync(kept)).toEqual([`${second}.py`])
})

test('what was kept runs again; a bit of it that is another one now is refused, unless the savepoint has it whole', () => {
  const { folder, module, kept, saved, run } = places()
  const digest = folder.copy(module)
  folder.keep([digest])
  const later = new CodeFolder(realFiles, { run: `${run}-later`, kept, saved })
  later.bring(digest)
  expect(readFileSync(later.pathOf(digest), 'utf8')).toBe('one')

  writeFileSync(join(kept, `${digest}.py`), 'onf')
  expect(() => later.bring(digest)).toThrow(StateError)
  expect(() => later.bring(digest)).toThrow('that was swapped in is missing or damaged')
  realFiles.makeDirectory(saved)
  writeFileSync(join(saved, `${digest}.py`), 'one')
  later.bring(digest)
  later.keep([digest])
  expect(readFileSync(join(kept, `${digest}.py`), 'utf8')).toBe('one')
})
