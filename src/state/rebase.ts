/**
 * Rebasing: what else is written with a delta, so that what lives on disk stays a small multiple of the state and is read
 * back quickly. Everything is written from memory, nothing is read and merged.
 *
 * Bases: behind the bytes of a delta go as many of whole key groups, in turn; half as many behind a large one, a third where the
 * state is small. A delta is dead once all groups came around, so live bytes stay near two, three or four times the state.
 * What changed in a group that is written whole is not in the delta too; where nearly everything changed, everything is written
 * whole.
 *
 * Tiers: the rows of 16 small epochs are written once more as one block that supersedes them, and so are those of 16 such
 * blocks, so that a trickle of rows leaves few blocks.
 */
import { type StateBlock } from './block.js'
import { type DeltaWriter } from './delta.js'
import { type Scratch } from './scratch.js'
import { SlotSet } from './slot-set.js'
import { type GroupSpan } from './slots-by-group.js'

/** Deltas that live, in sizes of the state. More where the cut is long already, or a start reads them in no time all the same. */
const deltasOfState = { small: 1, large: 2, quick: 3 } as const
const largeBytes = 16 << 20
const quickBytes = 128 << 20
const tierEpochs = 16
const tierCount = 3
/** A delta of more bytes is worth a block of its own, and rows of more are not written once more. */
const smallBytes = 256 << 10
const tierBytesMax = 4 << 20
/** No base for less than `min`, since blocks have a head, nor than the delta up to `worth`: all slots are looked at for its own. */
const baseBytes = { min: 64 << 10, worth: 8 << 20 } as const
/** Of all keys: where more changed, a delta and its bases are as many bytes as everything. */
const wholeShare = 0.85

type Known = (slots: Int32Array) => Int32Array

/** What the blocks of an epoch are made of, beside the slots that changed in it. */
interface Given {
  readonly epoch: number
  /** How many there are at most. */
  readonly keys: number
  /** The slots with state in these key groups. */
  readonly present: (span: GroupSpan) => Int32Array
  /** Of slots that changed in earlier epochs, those whose state is in memory. Left out: all. */
  readonly known?: Known
  /** What the tiers have is written now: then they hold nothing. */
  readonly through?: boolean
  /** Where lists of slots lie. */
  readonly scratch: Scratch
}

/** Rows that changed in epochs (since, now]. */
interface Tier {
  since: number
  epochs: number
  readonly slots: SlotSet
}

export class Rebase {
  private readonly tiers: readonly Tier[]
  /** Bytes of base that are owed. */
  private owed: number
  private nextGroup = 0
  private bytesPerGroup: number
  /** By the blocks so far. */
  private bytesPerRow: number

  /**
   * @param stateBytes how much state there is, by estimate.
   * @param since the newest epoch that is stored.
   * @param storedBytes of all blocks that live: what is too much is owed at once.
   */
  constructor(
    private readonly writer: DeltaWriter,
    private readonly keyGroups: number,
    {
      stateBytes,
      since,
      storedBytes,
    }: { readonly stateBytes: number; readonly since: number; readonly storedBytes: number },
  ) {
    this.bytesPerGroup = Math.max(1, stateBytes / keyGroups)
    this.bytesPerRow = writer.rowBytes
    this.tiers = Array.from({ length: tierCount }, () => ({ since, epochs: 0, slots: new SlotSet() }))
    this.owed = Math.max(0, storedBytes - stateBytes - deltasMax(stateBytes, false))
  }

  /** The blocks of an epoch. */
  blocks(
    dirty: Int32Array,
    { epoch, keys, present, known = slots => slots, through = false, scratch }: Given,
  ): readonly StateBlock[] {
    if (dirty.length === 0 && !(through && this.tiers.some(tier => tier.slots.count > 0))) return []
    if (dirty.length > 0 && dirty.length >= wholeShare * keys) {
      const slots = dirty.length === keys ? dirty : present(this.allGroups)
      return this.everything(slots, epoch, dirty.length)
    }
    const { slots, since } = this.throughTiers(dirty, epoch, { known, epochs: through ? 0 : tierEpochs })
    const bytes = slots.length * this.bytesPerRow
    if (bytes > smallBytes) this.forget(epoch)
    this.owed += bytes * this.baseShare(bytes)
    const due = this.groupsDue(bytes)
    const rest = due === null ? slots : this.writer.outside(slots, due, scratch)
    const delta = this.writer.encode(rest, epoch, since, since === epoch - 1 ? undefined : this.allGroups)
    this.learn(delta)
    const changed = dirty.length / Math.max(1, slots.length)
    const whole = due === null ? [] : this.base(due, present(due), epoch)
    return [...changedIn(delta, changed * rest.length), ...changedIn(whole, changed * (slots.length - rest.length))]
  }

  /** A block that is still to come says what became of this slot. */
  holds(slot: number): boolean {
    return this.tiers.some(tier => tier.slots.has(slot))
  }

  /** These slots are all there is, and nothing older counts: where nearly every key changed, or its columns did. */
  everything(slots: Int32Array, epoch: number, changed = slots.length): readonly StateBlock[] {
    const blocks = this.writer.encode(slots, epoch, 0, this.allGroups)
    this.forget(epoch)
    this.learn(blocks)
    this.owed = 0
    this.bytesPerGroup = Math.max(1, bytesOf(blocks) / this.keyGroups)
    return changedIn(blocks, changed)
  }

  private learn(blocks: readonly StateBlock[]): void {
    const rows = rowsOf(blocks)
    if (rows > 0) this.bytesPerRow = bytesOf(blocks) / rows
  }

  private get allGroups(): GroupSpan {
    return { first: 0, last: this.keyGroups - 1 }
  }

  /** The slots of the widest tier that is full now, else those that came. */
  private throughTiers(
    dirty: Int32Array,
    epoch: number,
    { known, epochs }: { readonly known: Known; readonly epochs: number },
  ): { readonly slots: Int32Array; readonly since: number } {
    let [slots, since] = [dirty, epoch - 1]
    for (const tier of this.tiers) {
      // So many are not worth a mark.
      if (slots.length * this.writer.rowBytes > tierBytesMax) {
        this.forget(epoch)
        break
      }
      tier.slots.mark(slots, slots.at(-1) ?? 0)
      tier.epochs += 1
      if (tier.slots.count * this.writer.rowBytes > tierBytesMax) {
        this.forget(epoch)
        break
      }
      if (tier.epochs < epochs) break
      slots = known(tier.slots.take())
      since = tier.since
      tier.epochs = 0
      tier.since = epoch
    }
    return { slots, since }
  }

  private forget(epoch: number): void {
    for (const tier of this.tiers) {
      tier.slots.clear()
      tier.epochs = 0
      tier.since = epoch
    }
  }

  /** Bytes of base for each byte of a delta of so many: once all groups came around, no more deltas live than may. */
  private baseShare(bytes: number): number {
    return this.stateBytes / deltasMax(this.stateBytes, bytes > largeBytes)
  }

  private get stateBytes(): number {
    return this.bytesPerGroup * this.keyGroups
  }

  /** The key groups that are written whole now, behind a delta of so many bytes: as many as are owed. */
  private groupsDue(bytes: number): GroupSpan | null {
    if (this.owed < Math.max(Math.min(bytes, baseBytes.worth), baseBytes.min, this.bytesPerGroup)) return null
    const first = this.nextGroup
    return {
      first,
      last: Math.min(this.keyGroups, first + Math.max(1, Math.floor(this.owed / this.bytesPerGroup))) - 1,
    }
  }

  private base({ first, last }: GroupSpan, slots: Int32Array, epoch: number): readonly StateBlock[] {
    const blocks = this.writer.encode(slots, epoch, 0, { first, last })
    const bytes = bytesOf(blocks)
    this.owed = Math.max(0, this.owed - bytes)
    this.nextGroup = last + 1 === this.keyGroups ? 0 : last + 1
    this.bytesPerGroup = Math.max(1, (this.bytesPerGroup + bytes / (last - first + 1)) / 2)
    return blocks
  }
}

/** Bytes of deltas that may live beside so many of state. */
const deltasMax = (stateBytes: number, large: boolean): number =>
  Math.max(
    stateBytes * (large ? deltasOfState.large : deltasOfState.small),
    Math.min(stateBytes * deltasOfState.quick, quickBytes),
  )

/** The blocks, of whose rows so many changed in their epoch. */
function changedIn(blocks: readonly StateBlock[], rows: number): readonly StateBlock[] {
  const share = Math.min(1, rows / Math.max(1, rowsOf(blocks)))
  return blocks.map(block => ({ ...block, changed: share * block.bytes.length }))
}

const rowsOf = (blocks: readonly StateBlock[]): number => blocks.reduce((sum, block) => sum + block.rows, 0)
const bytesOf = (blocks: readonly StateBlock[]): number => blocks.reduce((sum, block) => sum + block.bytes.length, 0)
