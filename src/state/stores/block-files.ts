/**
 * Block files: large values of a key value lie in files beside it, and it holds where. LevelDB writes each byte to its log
 * and once more to a table, and sums it up each time; with epochs of 100 ms that was most of what the machine did. Here a
 * value is written once and synced, and only then named, by the one atomic write: what no write names is not there.
 *
 *     NNNNNN.blocks    values, one behind the other; only the run that made it appends to it
 *
 * In the place of such a value stands its address:
 *
 *     0  u32 magic "ABSP"    4  u32 number of the file    8  u64 where it begins    16  u32 its bytes
 *
 * Nobody believes a value that he reads, so an address has no sum of its own.
 */
import { type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError, invariant } from '../../base/index.js'
import { codeOf, syncPath, writeWhole } from './folder-files.js'
import { type KeyRange, type KeyReader, type KeyValue, type Put } from './key-value.js'
import { openLevel } from './level.js'

/** Smaller values are cheaper where they are. */
export const largeBytes = 64 << 10
/** A file takes no more values once it has so many bytes. */
const fileBytesMax = 32 << 20
/** Dead bytes that are not worth moving what lives. */
const deadBytesMax = 4 * fileBytesMax
const magic = 0x50534241
const addressBytes = 20
const ending = '.blocks'

interface Address {
  readonly file: number
  readonly at: number
  readonly bytes: number
}

/** Files and what is known of them. */
interface BlockFile {
  bytes: number
  live: number
}

/** @param create whether the directory may be made; otherwise it must have a database. */
export async function openWithBlocks(directory: string, create: boolean, bufferBytes?: number): Promise<KeyValue> {
  const level = await openLevel(directory, create, bufferBytes)
  try {
    const kv = new BlockFilesKeyValue(level, directory)
    await kv.findFiles()
    return kv
  } catch (error) {
    await level.close()
    throw error
  }
}

/** Block files never change once they are closed, as tables do not. */
export const isBlockFile = (name: string): boolean => name.endsWith(ending)

class BlockFilesReader implements KeyReader {
  constructor(
    private readonly reader: KeyReader,
    protected readonly directory: string,
  ) {}

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.found(key, await this.reader.get(key))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.reader.getMany(keys)
    return Promise.all(keys.map((key, i) => this.found(key, values[i])))
  }

  async *entries(range: KeyRange): AsyncIterable<Put> {
    for await (const { key, value } of this.reader.entries(range)) {
      const found = await this.found(key, value)
      if (found !== undefined) yield { key, value: found }
    }
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  /** Undefined where the file is gone, or shorter than it was. */
  private async found(key: Uint8Array, value: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    const address = value === undefined ? null : decodeAddress(value)
    if (address === null) return value
    const bytes = await readAt(this.pathOf(address.file), address)
    if (bytes !== undefined) return bytes
    // It may have been moved since its address was read.
    const again = await this.reader.get(key)
    const moved = again === undefined ? null : decodeAddress(again)
    return moved === null ? undefined : readAt(this.pathOf(moved.file), moved)
  }

  protected pathOf(file: number): string {
    return join(this.directory, `${String(file).padStart(6, '0')}${ending}`)
  }
}

class BlockFilesKeyValue extends BlockFilesReader implements KeyValue {
  private readonly files = new Map<number, BlockFile>()
  private readonly addresses = new Map<string, Address>()
  /** That is appended to. */
  private current: { readonly number: number; readonly handle: FileHandle } | null = null
  private broken: unknown = null
  private turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly level: KeyValue,
    directory: string,
  ) {
    super(level, directory)
  }

  /** What is there, and takes away what no address names: of a write that was never done. */
  async findFiles(): Promise<void> {
    for await (const { key, value } of this.level.entries({})) this.name(key, decodeAddress(value))
    for (const name of await readdir(this.directory)) {
      const number = Number(name.slice(0, -ending.length))
      if (isBlockFile(name) && !this.files.has(number)) await rm(join(this.directory, name))
    }
  }

  /** Nothing may be forgotten while it is read. */
  snapshot(): KeyReader {
    return new BlockFilesReader(this.level.snapshot(), this.directory)
  }

  write(puts: Iterable<Put>, gone: Iterable<Uint8Array> = []): Promise<void> {
    return this.inTurn(() => this.writeNamed([...puts], [...gone]))
  }

  async forget(keys: readonly Uint8Array[]): Promise<void> {
    await this.level.forget(keys)
    await this.inTurn(async () => {
      for (const key of keys) this.name(key, null)
      await this.removeDead()
      await this.moveWhatLives()
    })
  }

  override async close(): Promise<void> {
    await this.inTurn(async () => {
      await this.current?.handle.close()
      this.current = null
    })
    await this.level.close()
  }

  /** Appends and removals, one after the other. */
  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.turn.then(step)
    this.turn = done.catch(() => undefined)
    return done
  }

  private async writeNamed(puts: readonly Put[], gone: readonly Uint8Array[]): Promise<void> {
    if (this.broken !== null) {
      throw new StateError('ANB6011', 'nothing more can be written through a handle that had an error', {
        cause: this.broken,
      })
    }
    try {
      const large = puts.filter(({ value }) => value.length >= largeBytes)
      const addresses = await this.append(large.map(({ value }) => value))
      const small = puts.filter(({ value }) => value.length < largeBytes)
      const named = large.map(({ key }, i) => ({ key, value: encodeAddress(addresses[i]) }))
      await this.level.write([...small, ...named], gone)
      for (const key of [...gone, ...small.map(put => put.key)]) this.name(key, null)
      large.forEach(({ key }, i) => this.name(key, addresses[i] ?? null))
    } catch (error) {
      this.broken = error
      throw error
    }
  }

  /** On the disk when it settles. */
  private async append(values: readonly Uint8Array[]): Promise<readonly Address[]> {
    if (values.length === 0) return []
    const { number, handle } = await this.fileToAppendTo()
    const file = this.fileOf(number)
    const from = file.bytes
    const addresses = values.map((value): Address => {
      const at = file.bytes
      file.bytes += value.length
      return { file: number, at, bytes: value.length }
    })
    await writeWhole(handle, values, from)
    await handle.datasync()
    return addresses
  }

  private async fileToAppendTo(): Promise<{ readonly number: number; readonly handle: FileHandle }> {
    if (this.current !== null && this.fileOf(this.current.number).bytes < fileBytesMax) return this.current
    await this.current?.handle.close()
    this.current = null
    const number = Math.max(0, ...this.files.keys()) + 1
    const handle = await open(this.pathOf(number), 'wx', 0o600)
    this.current = { number, handle }
    await syncPath(this.directory)
    return this.current
  }

  private fileOf(number: number): BlockFile {
    const file = this.files.get(number) ?? { bytes: 0, live: 0 }
    this.files.set(number, file)
    return file
  }

  /** Where the value of this key lies now; null: in no file. */
  private name(key: Uint8Array, address: Address | null): void {
    const name = Buffer.from(key).toString('latin1')
    const before = this.addresses.get(name)
    if (before !== undefined) this.fileOf(before.file).live -= before.bytes
    this.addresses.delete(name)
    if (address === null) return
    const file = this.fileOf(address.file)
    file.live += address.bytes
    file.bytes = Math.max(file.bytes, address.at + address.bytes)
    this.addresses.set(name, address)
  }

  private async removeDead(): Promise<void> {
    for (const [number, { live }] of this.files) {
      if (live > 0 || number === this.current?.number) continue
      await rm(this.pathOf(number), { force: true })
      this.files.delete(number)
    }
  }

  /** Old values among many that are dead hold a file: where that comes to much, those of the emptiest file are written anew. */
  private async moveWhatLives(): Promise<void> {
    const files = [...this.files].filter(([number]) => number !== this.current?.number)
    const live = files.reduce((sum, [, file]) => sum + file.live, 0)
    const dead = files.reduce((sum, [, file]) => sum + file.bytes - file.live, 0)
    if (dead <= live / 2 + deadBytesMax || this.broken !== null) return
    const [emptiest] = files.sort(([, a], [, b]) => a.live / a.bytes - b.live / b.bytes)
    if (emptiest === undefined) return
    const keys = [...this.addresses].filter(([, { file }]) => file === emptiest[0]).map(([name]) => keyNamed(name))
    const values = await this.getMany(keys)
    const puts = keys.flatMap((key, i) => {
      const value = values[i]
      return value === undefined ? [] : [{ key, value }]
    })
    // One that cannot be read stays where it is: whoever needs it says so.
    if (puts.length < keys.length) return
    await this.writeNamed(puts, [])
    await this.removeDead()
  }
}

const keyNamed = (name: string): Uint8Array => Uint8Array.from(Buffer.from(name, 'latin1'))

function encodeAddress(address: Address | undefined): Uint8Array {
  invariant(address !== undefined, 'each large value was appended')
  const value = new Uint8Array(addressBytes)
  const view = new DataView(value.buffer)
  view.setUint32(0, magic, true)
  view.setUint32(4, address.file, true)
  view.setBigUint64(8, BigInt(address.at), true)
  view.setUint32(16, address.bytes, true)
  return value
}

/** Null: the value is none. */
function decodeAddress(value: Uint8Array): Address | null {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  if (value.length !== addressBytes || view.getUint32(0, true) !== magic) return null
  return { file: view.getUint32(4, true), at: Number(view.getBigUint64(8, true)), bytes: view.getUint32(16, true) }
}

async function readAt(path: string, { at, bytes }: Address): Promise<Uint8Array | undefined> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (handle === undefined) return undefined
  try {
    if ((await handle.stat()).size < at + bytes) return undefined
    const value = new Uint8Array(bytes)
    for (let done = 0; done < bytes; ) {
      const { bytesRead } = await handle.read(value, done, bytes - done, at + done)
      if (bytesRead === 0) return undefined
      done += bytesRead
    }
    return value
  } finally {
    await handle.close()
  }
}
