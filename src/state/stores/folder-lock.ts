/** One process at a time has a state folder. The kernel keeps the lock, so that neither kill -9 nor a pid that is used again holds it. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError } from '../../base/index.js'
import { folderError } from './folder-files.js'
import { holdDirectory, isLocked } from './level.js'

/** @throws StateError ANB6012 where another process, or this one, has it. */
export async function takeFolder(path: string): Promise<() => Promise<void>> {
  const owner = join(path, 'owner.json')
  try {
    const release = await holdDirectory(join(path, 'lock'))
    await writeFile(owner, `${JSON.stringify({ pid: process.pid })}\n`, { mode: 0o600 })
    return async () => {
      await rm(owner, { force: true })
      await release()
    }
  } catch (error) {
    if (!isLocked(error)) throw folderError(path, 'open', error)
    const text = await readFile(owner, 'utf8').catch(() => '')
    const pid = /"pid":\s*(\d+)/.exec(text)?.[1]
    throw new StateError(
      'ANB6012',
      `state in ${path} is used by ${pid === undefined ? 'another process' : `process ${pid}`}`,
      {
        cause: error,
      },
    )
  }
}
