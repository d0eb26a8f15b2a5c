/**
 * `state.json`: whose a state folder is. Written beside and renamed, so that it is whole or not there; with a check sum, since a
 * number of a generation that flipped would have the generation that counts removed. Format 2 had none.
 */
import { open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError } from '../../base/index.js'
import { crc32c } from '../../kernels/index.js'
import { codeOf, folderError, syncPath } from './folder-files.js'
import { type Head } from './key-value.js'

export const folderFormat = 3

export interface FolderIdentity {
  readonly format: number
  readonly job: string
  readonly lineage: string
  /** The one that counts; 0 before the first. */
  readonly generation: number
  readonly head: Head | null
  /** Why no run may go on from it; left out where one may. So whoever brings back a whole folder brings back its word too. */
  readonly condemned?: string
}

/** Null where there is no state. @throws StateError ANB6013 where it must be this user's, and is not */
export async function readIdentity(
  path: string,
  of: 'this user' | 'anybody' = 'this user',
): Promise<FolderIdentity | null> {
  const file = join(path, 'state.json')
  try {
    const text = await readFile(file, 'utf8')
    if (of === 'this user') checkUser(path, (await stat(file)).uid)
    return parse(path, text)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw folderError(path, 'read', error)
  }
}

function checkUser(path: string, uid: number): void {
  const me = process.getuid?.()
  if (me === undefined || me === uid) return
  throw new StateError('ANB6013', `state in ${path} belongs to user ${uid}, and this is user ${me}`, {
    hint: 'run the job as that user, or give another --out',
  })
}

function parse(path: string, text: string): FolderIdentity {
  const said: unknown = parsed(text)
  if (typeof said === 'object' && said !== null && 'format' in said && typeof said.format === 'number') {
    if (said.format > folderFormat) {
      throw new StateError('ANB6014', `state in ${path} has format ${said.format}, this version knows ${folderFormat}`)
    }
    if (isIdentity(said) && isAsWritten(said)) return said
  }
  throw new StateError('ANB6010', `state.json in ${path} is not what was written`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isIdentity(said: object): said is FolderIdentity {
  const texts = 'job' in said && typeof said.job === 'string' && 'lineage' in said && typeof said.lineage === 'string'
  const counts = 'generation' in said && typeof said.generation === 'number' && Number.isSafeInteger(said.generation)
  const isCondemned = !('condemned' in said) || typeof said.condemned === 'string'
  return texts && counts && isCondemned && 'head' in said && (said.head === null || isHead(said.head))
}

const isAsWritten = (said: FolderIdentity): boolean =>
  'check' in said ? said.check === checkOf(said) : said.format === 2

/** Of the fields in their order, however the file lays them out. */
function checkOf({ format, job, lineage, generation, head, condemned }: FolderIdentity): number {
  const fields = [format, job, lineage, generation, head?.epoch, head?.digest]
  return crc32c(Buffer.from(JSON.stringify(condemned === undefined ? fields : [...fields, condemned])))
}

const isHead = (head: unknown): head is Head =>
  typeof head === 'object' &&
  head !== null &&
  'epoch' in head &&
  typeof head.epoch === 'number' &&
  'digest' in head &&
  typeof head.digest === 'string'

export async function writeIdentity(path: string, identity: FolderIdentity): Promise<void> {
  const beside = join(path, 'state.json.new')
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify({ ...identity, check: checkOf(identity) }, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, join(path, 'state.json'))
  await syncPath(path)
}
