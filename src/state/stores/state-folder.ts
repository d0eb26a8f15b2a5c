/**
 * State folder: a job's store on a real disk.
 *
 *     state.json       whose it is: job, user, format, lineage; which generation counts; the newest epoch that is known;
 *                     what a run found wrong with it
 *     head             the newest epoch that was written, as far as the page cache was kept
 *     generation-N/    a LevelDB, and block files with what is too large for it; in it `cold`, another LevelDB, where state
 *                      is larger than its budget of memory
 *     lock/            an empty LevelDB that is open while somebody uses the folder; owner.json names the process
 *     ballast          bytes that are given back before the disk is full
 *
 * LevelDB changes a directory when it opens it, and throws away what it cannot read. So it always opens the next
 * generation: tables and block files are linked, since they never change, and logs are copied. Only with the first write does
 * `state.json` name it and the one before go. Where it proved damaged, or the run was refused for another reason, what was there is
 * as it was.
 */
import { copyFile, link, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError } from '../../base/index.js'
import { Ballast } from './ballast.js'
import { type BufferBytes, bufferBytesOf } from './cold-memory.js'
import { type FolderIdentity, folderFormat, readIdentity, writeIdentity } from './folder-identity.js'
import { takeFolder } from './folder-lock.js'
import { expectRoots, folderError, lacks, syncPath } from './folder-files.js'
import { HeadFile } from './head-file.js'
import { type Head, type KeyValue, type StorePlace } from './key-value.js'
import { isBlockFile, openWithBlocks } from './block-files.js'
import { openLevel } from './level.js'
import { damageOf } from './level-files.js'
import { damagedBeyond } from './open-place.js'

const coldName = 'cold'

export interface StateFolderOptions {
  /** Absolute. */
  readonly path: string
  readonly job: string
  /** Of a folder that is made now: 16 hex characters. */
  readonly lineage: string
  /** Bytes that are kept in reserve; 0: none. Default 16 MiB. */
  readonly ballastBytes?: number
  /** Memory for state, of which the databases take a part; left out: there is no limit. */
  readonly budgetBytes?: number | undefined
}

/**
 * Takes the folder; makes it where it is not there.
 *
 * @throws StateError ANB6012 where a process has it, ANB6013 where it is another job's or user's, ANB6014 where a later
 * version wrote it, ANB6011 where its disk has no room, ANB6015 where it cannot be read or written.
 */
export async function openStateFolder(options: StateFolderOptions): Promise<StateFolder> {
  const { path, job, lineage, ballastBytes = 16 << 20, budgetBytes } = options
  const found = await readIdentity(path)
  if (found !== null) checkOwner(found, options)
  else await refuseOrphans(path)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw folderError(path, 'make', error)
  }
  const release = await takeFolder(path)
  try {
    // Once more: whoever had the folder until now may have written it meanwhile.
    const known = await readIdentity(path)
    const identity = known ?? { format: folderFormat, job, lineage, generation: 0, head: null }
    if (known === null) await writeIdentity(path, identity)
    const ballast = new Ballast(join(path, 'ballast'), ballastBytes)
    await ballast.reserve(await freeBytesAt(path))
    const buffers = budgetBytes === undefined ? null : bufferBytesOf(budgetBytes)
    return new StateFolder(path, identity, { release, ballast, buffers })
  } catch (error) {
    await release()
    throw error
  }
}

/** `state.json` is written before the first generation and goes with the last one. @throws StateError ANB6010 */
async function refuseOrphans(path: string): Promise<void> {
  const names = await readdir(path).catch(() => [])
  if (names.some(isGeneration)) throw lacks(join(path, 'state.json'))
}

const isGeneration = (name: string): boolean => name.startsWith('generation-')

/** Before what is there goes. Nobody goes on from what cannot be read. @throws StateError ANB6013 where it is another job's */
export async function refuseOtherJob(path: string, job: string): Promise<void> {
  const found = await readIdentity(path).catch((error: unknown) => {
    if (error instanceof StateError) return null
    throw error
  })
  if (found !== null) checkOwner(found, { path, job })
}

function checkOwner(found: FolderIdentity, { path, job }: Pick<StateFolderOptions, 'path' | 'job'>): void {
  if (found.job === job) return
  throw new StateError('ANB6013', `state in ${path} is of job "${found.job}", not of "${job}"`, {
    detail: `An output folder is that of one job; what "${found.job}" goes on from lies there, since it was not run to its end.`,
    hint: `give another --out; or run "${found.job}" to its end there; or remove the folder if nobody needs it`,
  })
}

const freeBytesAt = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

export class StateFolder implements StorePlace {
  /** The generation that was opened last. */
  private opened = 0
  private readonly headFile: HeadFile
  private closing: Promise<void> | null = null

  constructor(
    readonly path: string,
    private identity: FolderIdentity,
    private readonly parts: {
      readonly release: () => Promise<void>
      readonly ballast: Ballast
      readonly buffers: BufferBytes | null
    },
  ) {
    this.headFile = new HeadFile(join(path, 'head'))
  }

  get lineage(): string {
    return this.identity.lineage
  }

  get head(): Head | null {
    const noted = this.headFile.read()
    const { head } = this.identity
    return noted !== null && noted.epoch > (head?.epoch ?? 0) ? noted : head
  }

  note(head: Head): void {
    this.headFile.note(head)
  }

  get condemned(): string | null {
    return this.identity.condemned ?? null
  }

  async condemn(words: string): Promise<void> {
    this.identity = { ...this.identity, condemned: words }
    await writeIdentity(this.path, this.identity)
  }

  async open(): Promise<KeyValue> {
    const { generation } = this.identity
    try {
      await this.expectGeneration(generation)
      await this.removeOthers(generation)
      this.opened = generation + 1
      const target = this.directory(this.opened)
      if (generation > 0) await copyGeneration(this.directory(generation), target)
      return await openWithBlocks(target, generation === 0, this.parts.buffers?.epochs)
    } catch (error) {
      throw folderError(this.path, 'open', error)
    }
  }

  openCold(create: boolean): Promise<KeyValue | null> {
    const { path, parts } = this
    return openColdIn(path, this.directory(this.opened), { create, bufferBytes: parts.buffers?.entries })
  }

  async keep(head: Head | null): Promise<void> {
    const { generation } = this.identity
    const identity = { ...this.identity, format: folderFormat, generation: Math.max(generation, this.opened), head }
    try {
      await syncPath(this.directory(identity.generation))
      await writeIdentity(this.path, identity)
      this.identity = identity
      await this.removeOthers(identity.generation)
    } catch (error) {
      throw folderError(this.path, 'write', error)
    }
  }

  freeBytes(): Promise<number> {
    return freeBytesAt(this.path)
  }

  async reserve(): Promise<void> {
    await this.parts.ballast.reserve(await this.freeBytes())
  }

  giveBack(): Promise<void> {
    return this.parts.ballast.giveBack()
  }

  close(): Promise<void> {
    this.closing ??= this.letGo()
    return this.closing
  }

  private async letGo(): Promise<void> {
    this.headFile.close()
    try {
      if (this.opened > this.identity.generation)
        await rm(this.directory(this.opened), { recursive: true, force: true })
      // A job that does not run needs no reserve.
      await this.parts.ballast.giveBack()
    } finally {
      await this.parts.release()
    }
  }

  private directory(generation: number): string {
    return join(this.path, `generation-${generation}`)
  }

  /** Before others go. */
  private async expectGeneration(generation: number): Promise<void> {
    const names = await readdir(this.path)
    if (generation > 0 && !names.includes(`generation-${generation}`)) throw lacks(this.directory(generation))
  }

  /** What runs that died half way left. */
  private async removeOthers(generation: number): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (isGeneration(name) && name !== `generation-${generation}`) {
        await rm(join(this.path, name), { recursive: true, force: true })
      }
    }
  }
}

/**
 * The database for state beyond memory, in a generation; null where there is none and none is made.
 *
 * @throws StateError ANB6010 where a byte of its files is not what was written
 */
export async function openColdIn(
  path: string,
  generation: string,
  { create, bufferBytes }: { readonly create: boolean; readonly bufferBytes: number | undefined },
): Promise<KeyValue | null> {
  const folder = join(generation, coldName)
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  )
  if (!isThere && !create) return null
  try {
    const damage = isThere ? await damageOf(folder) : null
    if (damage !== null) throw damagedBeyond(path, damage)
    return await openLevel(folder, !isThere, bufferBytes)
  } catch (error) {
    throw folderError(path, 'open', error)
  }
}

/** Tables and block files never change, so a second name is as good as a copy; where a file system has no links they are copied. */
export async function copyGeneration(from: string, to: string): Promise<void> {
  const names = await readdir(from)
  await expectRoots(from, names)
  await mkdir(to, { mode: 0o700 })
  for (const name of names) {
    if (name === 'LOCK' || name.startsWith('LOG')) continue
    if (name === coldName) {
      await copyGeneration(join(from, name), join(to, name))
      continue
    }
    const isFixed = name.endsWith('.ldb') || name.endsWith('.sst') || isBlockFile(name)
    if (!isFixed || !(await linked(join(from, name), join(to, name)))) await copyFile(join(from, name), join(to, name))
  }
}

const linked = (from: string, to: string): Promise<boolean> =>
  link(from, to).then(
    () => true,
    () => false,
  )
