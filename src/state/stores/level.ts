/**
 * A key value over classic-level, the only door of that package.
 *
 * What LevelDB does not do by itself: writes are synced, nothing is created where something should be, and the first
 * write error is the last write. An append that failed leaves its log broken behind it, and what is written to it afterwards
 * is acknowledged and lost (test/unit/state/store-faults.test.ts shows both ways).
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { StateError } from '../../base/index.js'
import { type KeyRange, type KeyReader, type KeyValue, type Put } from './key-value.js'
import { closedWhileRead } from './open-place.js'

/** A longer log is a longer recovery; a shorter one stalls writers while it is compacted. */
const logBytes = 32 << 20
const tableBytes = 16 << 20
/** Entries of a range that are read at once: at first, then; and how many bytes of them at most. */
const [few, many] = [64, 1_000]
const readBytes = 1 << 20
const bytes = { keyEncoding: 'view', valueEncoding: 'view' } as const

type Level = ClassicLevel<Uint8Array, Uint8Array>

/**
 * @param create whether the directory may be made; otherwise it must have a database.
 * @param bufferBytes of what was written last; twice so much while a table is made of it.
 */
export async function openLevel(path: string, create: boolean, bufferBytes = logBytes): Promise<KeyValue> {
  const level: Level = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    ...bytes,
    createIfMissing: create,
    errorIfExists: create,
    // Blocks are columns of numbers, and what is compressed cannot be checked byte by byte.
    compression: false,
    writeBufferSize: bufferBytes,
    // Tables are mapped into memory, and what is read of them is not copied into a cache.
    cacheSize: 1 << 20,
    maxFileSize: tableBytes,
  })
  await level.open()
  return new LevelKeyValue(level)
}

/**
 * Holds a directory until it is released, or until the process is gone: the kernel keeps the lock. What LevelDB writes there means
 * nothing, so it goes while the lock is still held, and a folder that was only looked at is byte by byte what it was.
 */
export async function holdDirectory(path: string): Promise<() => Promise<void>> {
  const level = new ClassicLevel(path)
  await level.open()
  return async () => {
    // Where somebody took the folder away there is nothing to clear.
    await clearLock(path).catch(() => undefined)
    await level.close()
  }
}

async function clearLock(path: string): Promise<void> {
  for (const name of await readdir(path)) if (name !== 'LOCK') await rm(join(path, name), { force: true })
}

/** Whether somebody else has it open. */
export const isLocked = (error: unknown): boolean => codesOf(error).includes('LEVEL_LOCKED')

const codesOf = (error: unknown): readonly unknown[] =>
  error instanceof Error ? [Reflect.get(error, 'code'), ...codesOf(error.cause)] : []

class LevelReader implements KeyReader {
  constructor(
    protected readonly level: Level,
    private readonly at?: ReturnType<Level['snapshot']>,
  ) {}

  private get options(): { readonly snapshot?: ReturnType<Level['snapshot']> } {
    return this.at === undefined ? {} : { snapshot: this.at }
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.level.get(key, this.options).catch(error => this.refuse(error))
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.level.getMany([...keys], this.options).catch(error => this.refuse(error))
  }

  async *entries({ from, to, reverse = false, limit = -1 }: KeyRange): AsyncIterable<Put> {
    const range = { ...(from !== undefined && { gte: from }), ...(to !== undefined && { lt: to }), ...this.options }
    const iterator = this.level.iterator({ ...range, reverse, limit, highWaterMarkBytes: readBytes })
    try {
      // Most ranges have a few entries. One by one each would be a promise, and the first a call of its own.
      for (let [size, left] = [few, limit < 0 ? Number.POSITIVE_INFINITY : limit]; left > 0; size = many) {
        const some = await iterator.nextv(Math.min(size, left))
        if (some.length === 0) return
        left -= some.length
        for (const [key, value] of some) yield { key, value }
      }
    } catch (error) {
      this.refuse(error)
    } finally {
      await iterator.close()
    }
  }

  /** @throws StateError ANB6011 where it was closed meanwhile */
  private refuse(error: unknown): never {
    throw this.level.status === 'open' ? error : closedWhileRead(error)
  }

  async close(): Promise<void> {
    await (this.at ?? this.level).close()
  }
}

class LevelKeyValue extends LevelReader implements KeyValue {
  private broken: unknown = null

  snapshot(): KeyReader {
    return new LevelReader(this.level, this.level.snapshot())
  }

  async write(puts: Iterable<Put>, gone: Iterable<Uint8Array> = []): Promise<void> {
    if (this.broken !== null) {
      throw new StateError('ANB6011', 'nothing more can be written through a handle that had an error', {
        cause: this.broken,
      })
    }
    try {
      const batch = this.level.batch()
      for (const { key, value } of puts) batch.put(key, value)
      for (const key of gone) batch.del(key)
      await batch.write({ sync: true })
    } catch (error) {
      this.broken = error
      throw error
    }
  }

  /**
   * Keys are written in their order, so tables do not overlap and are never merged: each byte is written to the log and to
   * one table. A deletion among new keys would make a table that overlaps all of them, and LevelDB would write everything
   * six times over. So deletions get a table of their own, which goes into the old ones at once.
   */
  async forget(keys: readonly Uint8Array[]): Promise<void> {
    const sorted = [...keys].sort(Buffer.compare)
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (first === undefined || last === undefined) return
    await this.level.compactRange(first, first)
    const batch = this.level.batch()
    for (const key of sorted) batch.del(key)
    await batch.write()
    await this.level.compactRange(first, last)
  }
}
