/**
 * Snapshot: a store as it was at one epoch, to be read while later ones are written. Its blocks stay until it is let go,
 * whatever supersedes them.
 */
import { beside, keysOfBlock } from '../beside.js'
import { type StateForm } from '../block-schema.js'
import { type KeyDigest } from '../key-digest.js'
import { type StoredBlock } from '../restore.js'
import { coldBlocks } from './cold-blocks.js'
import { type ColdReader } from './cold-store.js'
import { type LiveBlock } from './manifest.js'

export interface GroupRange {
  readonly first: number
  readonly last: number
}

export interface SnapshotParts {
  readonly epoch: number
  /** What the coordinator wrote with the epoch. */
  readonly bytes: Uint8Array
  readonly lineage: string
  /** Of the store. */
  readonly path: string
  readonly blocks: readonly LiveBlock[]
  /** The keys that there are, by operator; null: nobody counted them. */
  readonly digests: ReadonlyMap<string, KeyDigest> | null
  /** State beyond memory; null: there is none. */
  readonly cold: ColdReader | null
  form(block: LiveBlock): StateForm
  read(blocks: readonly LiveBlock[], each: (block: LiveBlock, bytes: Uint8Array) => Promise<void> | void): Promise<void>
  release(): void
}

/** Of a row beyond memory, where no block has one to go by. */
const unknownRowBytes = 256

export class Snapshot {
  private readonly blocks: readonly LiveBlock[]
  private released = false

  constructor(private readonly parts: SnapshotParts) {
    this.blocks = parts.blocks.map(block => ({ ...block, superseded: new Set(block.superseded) }))
  }

  get epoch(): number {
    return this.parts.epoch
  }

  get bytes(): Uint8Array {
    return this.parts.bytes
  }

  get lineage(): string {
    return this.parts.lineage
  }

  /** Of the store. */
  get path(): string {
    return this.parts.path
  }

  /**
   * Operators that have state, with the columns that it was last written with; `rows`: those of blocks, stale ones too, and those beyond
   * memory. `bytes`: what they take, about.
   */
  get operators(): readonly {
    readonly operator: string
    readonly form: StateForm
    readonly rows: number
    readonly bytes: number
  }[] {
    const names = [...new Set(this.blocks.map(block => block.operator))]
    return names.flatMap(operator => {
      const own = this.of(operator)
      const newest = own.at(-1)
      if (newest === undefined) return []
      const sum = (of: (block: LiveBlock) => number): number => own.reduce((total, block) => total + of(block), 0)
      const [rows, bytes, beyond] = [sum(b => b.rows), sum(b => b.bytes), this.coldRowsOf(operator)]
      const ofRow = rows === 0 ? unknownRowBytes : bytes / rows
      return [
        { operator, form: this.parts.form(newest), rows: rows + beyond, bytes: bytes + Math.ceil(beyond * ofRow) },
      ]
    })
  }

  /** The keys that there are, by operator; null: a version wrote it that did not count them. */
  get digests(): ReadonlyMap<string, KeyDigest> | null {
    return this.parts.digests
  }

  /** Rows beyond memory. */
  coldRowsOf(operator: string): number {
    return this.parts.cold?.rowsOf(operator) ?? 0
  }

  /**
   * What lies beyond memory, then the blocks of an operator in the order in which they are applied; only what they have of
   * these key groups counts.
   *
   * @param into waited for before the next block is read.
   * @param hot without what lies beyond memory, and has to be as new there.
   */
  async restore(
    operator: string,
    into: (block: StoredBlock) => Promise<void> | void,
    { groups, hot = false }: { readonly groups?: GroupRange; readonly hot?: boolean } = {},
  ): Promise<void> {
    const { cold } = this.parts
    if (cold !== null && !hot) for await (const block of coldBlocks(cold, operator, groups)) await into(block)
    const own = this.of(operator).filter(block => groups === undefined || overlaps(block, groups))
    // What lies beyond memory of the keys of a block is read while the one before is taken.
    const ahead: Promise<StoredBlock>[] = []
    const takeOne = async (): Promise<void> => {
      const next = ahead.shift()
      if (next !== undefined) await into(await next)
    }
    try {
      await this.parts.read(own, (block, bytes) => {
        ahead.push(this.besideCold(this.stored(block, bytes, groups)))
        return ahead.length > 1 ? takeOne() : undefined
      })
      await takeOne()
    } finally {
      await Promise.allSettled(ahead)
    }
  }

  /** What lies beyond memory, some entries at a time. */
  async restoreBeyond(operator: string, into: (block: StoredBlock) => Promise<void> | void): Promise<void> {
    const { cold } = this.parts
    if (cold !== null) for await (const block of coldBlocks(cold, operator)) await into(block)
  }

  private stored(block: LiveBlock, bytes: Uint8Array, groups: GroupRange | undefined): StoredBlock {
    const { operator } = block
    const hidden = groups === undefined ? block.superseded : new Set([...block.superseded, ...outside(block, groups)])
    return { operator, bytes, form: this.parts.form(block), superseded: hidden.size === 0 ? null : hidden }
  }

  private async besideCold(stored: StoredBlock): Promise<StoredBlock> {
    const { cold } = this.parts
    if (cold === null || cold.rowsOf(stored.operator) === 0) return stored
    const keys = keysOfBlock(stored)
    return beside(stored, keys, await cold.readHeads(stored.operator, keys))
  }

  /** Can be called twice. */
  release(): void {
    if (!this.released) {
      this.parts.release()
      void this.parts.cold?.close()
    }
    this.released = true
  }

  private of(operator: string): readonly LiveBlock[] {
    return this.blocks.filter(block => block.operator === operator)
  }
}

const overlaps = ({ firstGroup, lastGroup }: LiveBlock, { first, last }: GroupRange): boolean =>
  firstGroup <= last && lastGroup >= first

function outside({ firstGroup, lastGroup }: LiveBlock, { first, last }: GroupRange): readonly number[] {
  const all = Array.from({ length: lastGroup - firstGroup + 1 }, (_, i) => firstGroup + i)
  return all.filter(group => group < first || group > last)
}
