/**
 * A simulated place for a state store: a disk that tears, loses and refuses, as LevelDB was seen to do on a real one.
 *
 * A write is all or nothing. What happens to it is decided by `fate`: it is done; it fails and is not there; it fails and
 * is there all the same (an EIO of fsync); or the host dies in it, and chance says whether it is there. After a failure the
 * handle goes on acknowledging what it loses, which is the trap that the store must not step into.
 */
import { StateError } from '../../base/index.js'
import {
  type Head,
  type KeyRange,
  type KeyReader,
  type KeyValue,
  type Put,
  type StorePlace,
  closedWhileRead,
} from '../../state/stores/index.js'

export type WriteFate = 'done' | 'refused' | 'refused but kept' | 'lost with the host' | 'kept with the host'

/** Thrown where the simulated host dies in a write. */
export class HostDied extends Error {}

const nameOf = (key: Uint8Array): string => Buffer.from(key).toString('hex')

export class SimulatedPlace implements StorePlace {
  readonly path = '/simulated/state'
  readonly disk = new Map<string, Uint8Array>()
  /** State beyond memory; null: there is none. */
  cold: Map<string, Uint8Array> | null = null
  head: Head | null = null
  condemned: string | null = null
  free = Number.POSITIVE_INFINITY
  hasBallast = true
  /** Every write waits for it. */
  slow: Promise<void> = Promise.resolve()
  /** Writes so far, those that failed too. */
  writes = 0
  /** The host died in a write: nothing more happens until `crash`. */
  isDead = false
  private handle: SimulatedKeyValue | null = null
  private coldHandle: SimulatedKeyValue | null = null

  constructor(
    readonly lineage: string,
    readonly fate: (write: number) => WriteFate = () => 'done',
  ) {}

  open(): Promise<KeyValue> {
    if (this.isDead) return Promise.reject(new HostDied('the host is dead'))
    if (this.handle?.isOpen === true) return Promise.reject(new StateError('ANB6012', 'the store is open already'))
    this.handle = new SimulatedKeyValue(this, this.disk)
    return Promise.resolve(this.handle)
  }

  openCold(create: boolean): Promise<KeyValue | null> {
    if (create) this.cold ??= new Map()
    this.coldHandle = this.cold === null ? null : new SimulatedKeyValue(this, this.cold)
    return Promise.resolve(this.coldHandle)
  }

  keep(head: Head | null): Promise<void> {
    this.head = head
    return Promise.resolve()
  }

  note(head: Head): void {
    this.head = head
  }

  condemn(words: string): Promise<void> {
    this.condemned = words
    return Promise.resolve()
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.free)
  }

  reserve(): Promise<void> {
    this.hasBallast = true
    return Promise.resolve()
  }

  giveBack(): Promise<void> {
    this.hasBallast = false
    return Promise.resolve()
  }

  close(): Promise<void> {
    return this.crash()
  }

  /** The host is gone: what no synced write holds is lost. */
  async crash(): Promise<void> {
    this.isDead = false
    await this.handle?.close()
    await this.coldHandle?.close()
  }
}

class SimulatedKeyValue implements KeyValue {
  isOpen = true
  private isBroken = false
  private readonly seen: Map<string, Uint8Array>

  constructor(
    private readonly place: SimulatedPlace,
    private readonly disk: Map<string, Uint8Array>,
    /** That it is a moment of; null: it is one itself. */
    private readonly of: SimulatedKeyValue | null = null,
  ) {
    this.seen = new Map(disk)
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.canBeRead ? Promise.resolve(this.seen.get(nameOf(key))) : Promise.reject(closedWhileRead())
  }

  snapshot(): KeyReader {
    return new SimulatedKeyValue(this.place, new Map(this.seen), this)
  }

  private get canBeRead(): boolean {
    return this.isOpen && this.of?.isOpen !== false
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.all(keys.map(key => this.get(key)))
  }

  async *entries({ from, to, reverse = false, limit = -1 }: KeyRange): AsyncIterable<Put> {
    const [low, high] = [from === undefined ? '' : nameOf(from), to === undefined ? 'g' : nameOf(to)]
    const names = [...this.seen.keys()].filter(name => name >= low && name < high).sort()
    if (reverse) names.reverse()
    for (const name of limit < 0 ? names : names.slice(0, limit)) {
      const value = this.seen.get(name)
      if (!this.canBeRead) throw closedWhileRead()
      if (value !== undefined) yield { key: Uint8Array.from(Buffer.from(name, 'hex')), value }
    }
  }

  async write(puts: Iterable<Put>, gone: Iterable<Uint8Array> = []): Promise<void> {
    await this.place.slow
    if (!this.isOpen) throw new StateError('ANB6011', 'the store was closed')
    const fate = this.place.fate(this.place.writes++)
    const kept = fate === 'done' || fate === 'refused but kept' || fate === 'kept with the host'
    const written = { puts: [...puts], gone: [...gone] }
    if (kept && !this.isBroken) apply(this.disk, written)
    if (fate === 'done') return apply(this.seen, written)
    this.isBroken = true
    if (fate === 'refused') throw new Error('IO error: No space left on device')
    if (fate === 'refused but kept') throw new Error('IO error: Input/output error')
    this.place.isDead = true
    throw new HostDied(fate)
  }

  forget(keys: readonly Uint8Array[]): Promise<void> {
    for (const entries of [this.seen, ...(this.isBroken || !this.isOpen ? [] : [this.disk])]) {
      for (const key of keys) entries.delete(nameOf(key))
    }
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.isOpen = false
    return Promise.resolve()
  }
}

function apply(
  entries: Map<string, Uint8Array>,
  { puts, gone }: { readonly puts: readonly Put[]; readonly gone: readonly Uint8Array[] },
): void {
  for (const key of gone) entries.delete(nameOf(key))
  for (const { key, value } of puts) entries.set(nameOf(key), value.slice())
}
