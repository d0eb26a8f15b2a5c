/**
 * The folder in which everything of one system test run lies: temporary files, private folders of runs, job folders.
 *
 * Its path is in the environment of every process that a test starts, and of what that starts in turn, which is how the
 * teardown finds what was left running. As a setup file this points the test's own process there as well.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export const runFolderName = 'ANABRANCH_TEST_FOLDER'

export interface RunFolder {
  readonly root: string
  /** `TMPDIR` and `XDG_RUNTIME_DIR`: must be empty in the end. */
  readonly temporary: string
  /** Job folders of tests, removed with the root. */
  readonly jobs: string
  /** Generated types files by the digest of their Python source. */
  readonly types: string
}

export function runFolder(): RunFolder {
  const root = process.env[runFolderName]
  if (root === undefined) throw new Error(`expected ${runFolderName}: system tests run under vitest's project "system"`)
  // Files that run side by side look for what is left over, each of its own.
  const temporary = join(root, `t${process.env['VITEST_POOL_ID'] ?? ''}`)
  return { root, temporary, jobs: join(root, 'jobs'), types: join(root, 'types') }
}

export function makeRunFolder(root: string): RunFolder {
  process.env[runFolderName] = root
  const folder = runFolder()
  for (const path of [folder.jobs, folder.types]) mkdirSync(path, { mode: 0o700 })
  return folder
}

if (process.env[runFolderName] !== undefined) {
  const { temporary } = runFolder()
  mkdirSync(temporary, { mode: 0o700, recursive: true })
  process.env['TMPDIR'] = temporary
  process.env['XDG_RUNTIME_DIR'] = temporary
}
