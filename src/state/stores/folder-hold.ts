/**
 * A hold of a state folder that is only read: nobody writes it meanwhile, or it is known that somebody did.
 *
 * A folder of ours has a lock. Where nothing can be written, as in a backup, and in a folder of another user, who could not open a lock
 * that we left there, nobody can be kept out: so what was read counts only if no file was made, changed or taken away until then.
 */
import { access, constants, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError } from '../../base/index.js'
import { takeFolder } from './folder-lock.js'

export interface FolderHold {
  /** @throws StateError ANB6012 where somebody wrote the folder meanwhile */
  expectSame(): Promise<void>
  release(): Promise<void>
}

/** @throws StateError ANB6012 where a process has the folder */
export async function holdToRead(path: string): Promise<FolderHold> {
  if (await isOurs(path)) return { expectSame: () => Promise.resolve(), release: await takeFolder(path) }
  const before = await stampsOf(path)
  return {
    async expectSame() {
      if ((await stampsOf(path)) === before) return
      throw new StateError('ANB6012', `state in ${path} was written while it was read`, {
        detail: "It cannot be locked from here, since it cannot be written or is another user's. A job runs there.",
        hint: 'stop the job first, as the user who runs it: anabranch stop DIR; or look at a savepoint of it',
      })
    },
    release: () => Promise.resolve(),
  }
}

async function isOurs(path: string): Promise<boolean> {
  const me = process.getuid?.()
  if (me !== undefined && (await stat(path)).uid !== me) return false
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}

/** Every file by its name, with what changes where it is written or another one takes its place. */
async function stampsOf(path: string): Promise<string> {
  const files = await readdir(path, { recursive: true, withFileTypes: true })
  const stamps = files.map(async each => {
    const file = join(each.parentPath, each.name)
    const found = await stat(file, { bigint: true }).catch(() => null)
    return found === null ? file : [file, found.ino, found.size, found.mtimeNs].join(' ')
  })
  return (await Promise.all(stamps)).sort().join('\n')
}
