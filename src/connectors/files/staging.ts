/**
 * Staging: where files grow, on the file system of the folder that they go to. What is in them is durable only when somebody
 * asks, and that includes their names: the folders that got a new one are synced too.
 */
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Files, type OpenFile, StateError } from '../../base/index.js'
import { writing, writingAsync } from '../io-error.js'
import { sumOf } from '../sum-of.js'

/** What is known of the first bytes of a file. */
export interface Sum {
  readonly bytes: number
  /** Of them; null where nobody summed them up. */
  readonly crc32: number | null
}

export class Staging {
  /** Files are summed up as they grow: a later run goes on with them. */
  isSummed = false
  /** Folders with a name that may not outlive a loss of power. */
  private readonly unsynced = new Set<string>()

  constructor(
    private readonly files: Files,
    readonly folder: string,
  ) {}

  /** It is synced on the way, whenever it grew by `syncEvery` bytes. */
  create(name: string, syncEvery: number): StagedFile {
    const path = join(this.folder, name)
    this.makeFolder(dirname(path))
    this.unsynced.add(dirname(path))
    const file = writing(path, () => this.files.open(path, 'create'))
    return new StagedFile(path, file, { bytes: 0, crc32: this.isSummed ? 0 : null, syncEvery })
  }

  /** Goes on behind the first `bytes` of a file: what a run that died wrote behind them was never promised. */
  resume(name: string, { bytes }: Sum, syncEvery: number): StagedFile {
    this.expect(name, bytes)
    const path = join(this.folder, name)
    const crc32 = sumOf(this.files, path, bytes)
    const file = writing(path, () => this.files.open(path, 'append'))
    writing(path, () => file.truncate(bytes))
    return new StagedFile(path, file, { bytes, crc32, syncEvery })
  }

  /** Throws a StateError (ANB6020) where the file has lost bytes that were durable, or has others. */
  verify(name: string, sum: Sum): void {
    this.expect(name, sum.bytes)
    const path = join(this.folder, name)
    if (sum.crc32 === null || sumOf(this.files, path, sum.bytes) === sum.crc32) return
    const what = `the checksum of its first ${sum.bytes} bytes is another one`
    throw new StateError('ANB6020', `staged file "${path}" is not what was written: ${what}`, {
      detail: 'They were prepared in an epoch, and would be shown with bytes that no sink wrote. Nothing was changed.',
      hint: 'restore the folder .staging beside the state, or start again with another --out',
    })
  }

  /** Throws a StateError (ANB6020) where the file has lost bytes that were durable. */
  expect(name: string, bytes: number): void {
    const path = join(this.folder, name)
    const found = this.files.stat(path)?.bytes ?? null
    if (found !== null && found >= bytes) return
    const got = found === null ? 'it is not there' : `it has ${found}`
    throw new StateError('ANB6020', `staged file "${path}" must have ${bytes} bytes, ${got}`, {
      detail: 'They were prepared in an epoch, so the rows in them would be lost. Nothing was changed.',
      hint: 'restore the folder .staging beside the state, or start again with another --out',
    })
  }

  has(name: string): boolean {
    return this.files.stat(join(this.folder, name)) !== undefined
  }

  remove(name: string): void {
    const path = join(this.folder, name)
    if (this.has(name)) writing(path, () => this.files.remove(path))
  }

  /** Removes every file that is not named. */
  keepOnly(names: ReadonlySet<string>, below = ''): void {
    const folder = join(this.folder, below)
    for (const each of writing(folder, () => this.files.list(folder))) {
      const name = join(below, each)
      if (this.files.stat(join(this.folder, name))?.kind === 'directory') this.keepOnly(names, name)
      else if (!names.has(name)) this.remove(name)
    }
  }

  /** Names of new files are durable when it returns. */
  syncFolders(): void {
    for (const folder of this.unsynced) writing(folder, () => this.files.syncDirectory(folder))
    this.unsynced.clear()
  }

  private makeFolder(folder: string): void {
    if (this.files.stat(folder) !== undefined) return
    this.makeFolder(dirname(folder))
    writing(folder, () => this.files.makeDirectory(folder))
    this.unsynced.add(dirname(folder))
  }
}

export class StagedFile implements Sum {
  bytes: number
  crc32: number | null
  private readonly syncEvery: number
  private syncAt: number
  private syncing = 0
  private syncedBytes = 0
  /** Rejects for good where a sync was refused: the disk says so once, and what was written before it may be gone. */
  private synced: Promise<void> = Promise.resolve()
  private open = true

  constructor(
    private readonly path: string,
    private readonly file: OpenFile,
    { bytes, crc32: sum, syncEvery }: Sum & { readonly syncEvery: number },
  ) {
    this.bytes = bytes
    this.crc32 = sum
    this.syncEvery = syncEvery
    this.syncAt = bytes + syncEvery
  }

  append(bytes: Uint8Array): void {
    writing(this.path, () => this.file.append(bytes))
    this.bytes += bytes.length
    if (this.crc32 !== null) this.crc32 = crc32(bytes, this.crc32)
    if (this.bytes >= this.syncAt && this.syncing === 0) void this.sync().catch(() => undefined)
  }

  /** What was written before the call is on the disk when it settles. */
  sync(): Promise<void> {
    const bytes = this.bytes
    if (bytes === this.syncedBytes) return this.synced
    this.syncedBytes = bytes
    this.syncAt = bytes + this.syncEvery
    this.syncing += 1
    this.synced = this.synced
      .then(() => writingAsync(this.path, () => this.file.syncSoon()))
      .finally(() => {
        this.syncing -= 1
      })
    return this.synced
  }

  /** Can be called twice. */
  close(): void {
    if (!this.open) return
    this.open = false
    const close = (): void => writing(this.path, () => this.file.close())
    if (this.syncing > 0) void this.synced.finally(close).catch(() => undefined)
    else close()
  }
}
