/**
 * A state folder of a job that does not run, to look at: a copy is opened, and the folder stays as it is. It may lie where nothing
 * can be written, and be another user's whose files may be read.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StateError, invariant } from '../../base/index.js'
import { codeOf, folderError } from './folder-files.js'
import { type FolderIdentity, readIdentity } from './folder-identity.js'
import { type FolderHold, holdToRead } from './folder-hold.js'
import { HeadFile } from './head-file.js'
import { type Head, type KeyValue, type StorePlace } from './key-value.js'
import { openWithBlocks } from './block-files.js'
import { copyGeneration, openColdIn } from './state-folder.js'

/**
 * @throws StateError ANB6012 where a process has it, ANB6014 where a later version wrote it, ANB6015 where there is none, or it cannot
 * be read.
 */
export async function openForReading(path: string): Promise<StorePlace & { readonly job: string }> {
  await identityIn(path)
  const hold = await holdToRead(path).catch((error: unknown) => {
    throw folderError(path, 'read', error)
  })
  try {
    // Once more: whoever had the folder until now may have written it meanwhile.
    const { job, lineage, generation, head: known, condemned = null } = await identityIn(path)
    const noted = new HeadFile(join(path, 'head')).read()
    const head = noted !== null && noted.epoch > (known?.epoch ?? 0) ? noted : known
    return new ReadFolder({ path, job, lineage, generation, head, condemned }, hold)
  } catch (error) {
    await hold.release()
    throw error
  }
}

async function identityIn(path: string): Promise<FolderIdentity> {
  const identity = await readIdentity(path, 'anybody')
  if (identity !== null && identity.generation > 0) return identity
  if (identity !== null)
    throw new StateError('ANB6015', `there is no state in ${path} yet: job "${identity.job}" has written no epoch`, {
      hint: 'run it until it has read something',
    })
  throw new StateError('ANB6015', `there is no state in ${path}`, {
    hint: 'name the folder of a job that ran with epochs: DIR, or DIR/state',
  })
}

interface Found {
  readonly path: string
  readonly job: string
  readonly lineage: string
  readonly generation: number
  readonly head: Head | null
  readonly condemned: string | null
}

class ReadFolder implements StorePlace {
  private copy: string | null = null
  private closing: Promise<void> | null = null

  constructor(
    private readonly found: Found,
    private readonly hold: FolderHold,
  ) {}

  get path(): string {
    return this.found.path
  }

  get job(): string {
    return this.found.job
  }

  get lineage(): string {
    return this.found.lineage
  }

  get head(): Head | null {
    return this.found.head
  }

  get condemned(): string | null {
    return this.found.condemned
  }

  async open(): Promise<KeyValue> {
    const { path, generation } = this.found
    try {
      this.copy = await mkdtemp(join(tmpdir(), 'anabranch-state-'))
      const target = join(this.copy, 'generation')
      try {
        await copyGeneration(join(path, `generation-${generation}`), target)
      } finally {
        // Of files that were taken away while they were copied it is told why.
        await this.hold.expectSame()
      }
      return await openWithBlocks(target, false)
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw folderError(path, 'read', error)
      throw new StateError('ANB6015', `there is no room for a copy of the state in ${path}`, {
        detail: `What is looked at is a copy in ${tmpdir()}.`,
        hint: 'set TMPDIR to a folder with more room, on the disk of the state if that can be: there a copy takes little',
        cause: error,
      })
    }
  }

  openCold(): Promise<KeyValue | null> {
    invariant(this.copy !== null, 'a folder is opened before what is beside it')
    return openColdIn(this.path, join(this.copy, 'generation'), { create: false, bufferBytes: undefined })
  }

  keep(): Promise<void> {
    return Promise.resolve()
  }

  note(): void {
    // Nothing is written here.
  }

  condemn(): Promise<void> {
    return Promise.resolve()
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(Number.POSITIVE_INFINITY)
  }

  reserve(): Promise<void> {
    return Promise.resolve()
  }

  giveBack(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.closing ??= this.letGo()
    return this.closing
  }

  private async letGo(): Promise<void> {
    if (this.copy !== null) await rm(this.copy, { recursive: true, force: true })
    await this.hold.release()
  }
}
