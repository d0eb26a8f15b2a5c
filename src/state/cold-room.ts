/**
 * Cold room: what a share of memory has room for. Most of it is for keys and their state; some is for what is on its way:
 * rows that wait until their state is read, and what it is read into; blocks of epochs until they are written; keys that leave.
 * The share is what may be there at any moment, so keys leave before it is used up.
 */
import { type KeyIndex } from './key-index.js'
import { type StateTable } from './state-table.js'

/** Of the keys that have room: above the first some are chosen to leave, down to the second; above the third no more come. */
const level = { high: 0.85, low: 0.7, full: 1 } as const
/** Rows that came when the room was full: those of one batch, and of what belongs to an epoch that is cut. */
const overshoot = 1.1
/** What else a slot takes: its key group, marks, its place in the list of those that are free, or in that of those that leave. */
const bytesASlot = 2 + 1 + 8
/** The sum of an entry, for each operator. */
const bytesASum = 4
/** More is not quicker from some size on. */
const onTheWay = { share: 1 / 4, enough: 64 << 20, shareBeyond: 1 / 64 } as const
/** Of what is on its way. */
const part = { waiting: 1 / 3, unwritten: 1 / 2, leaving: 1 / 6 } as const
/** A cut writes as many bytes again of what did not change (rebase.ts). */
const writtenPerChanged = 2
/** Names and numbers of a key on its way, whose state is there as it lies in memory and as it lies beyond it. */
const onTheWayBytes = { names: 64, states: 2 } as const
/** Fewer at once cost more by themselves than their rows do; more are not written quicker. */
const atOnce = { rowsMin: 256, bytesMin: 64 << 10, leavingMax: 16_384 } as const

/** A list or map that keys have, as it is in memory. */
interface ItemsInMemory {
  readonly size: number
  /** By estimate. */
  readonly bytes: number
}

export class ColdRoom {
  private readonly wayBytes: number

  constructor(
    readonly shareBytes: number,
    private readonly index: KeyIndex,
    private readonly tables: () => readonly StateTable[],
    private readonly collections: () => readonly ItemsInMemory[],
  ) {
    const { share, enough, shareBeyond } = onTheWay
    this.wayBytes = Math.max(Math.min(enough, share * shareBytes), shareBeyond * shareBytes)
  }

  /** Keys, with texts as long as they are now. */
  get keys(): number {
    return this.keysOf(this.index.size)
  }

  /** @param size keys that have the texts that are there */
  private keysOf(size: number): number {
    const bytesAKey = this.bytesIn(table => table.textBytes, size) + bytesASlot + bytesASum * this.tables().length
    return Math.max(1, Math.floor(this.index.slotsWithin(this.shareBytes - this.wayBytes, bytesAKey) / overshoot))
  }

  /** Of a key with its state, as it goes. */
  private get bytesOfState(): number {
    return this.bytesIn(table => table.liveTextBytes, this.index.size)
  }

  private bytesIn(textsOf: (table: StateTable) => number, size: number): number {
    const tables = this.tables()
    const items = this.collections().reduce((sum, { bytes }) => sum + bytes, 0)
    const texts = tables.reduce((sum, table) => sum + textsOf(table), this.index.textBytes + items)
    return tables.reduce((sum, table) => sum + table.rowBytes, 0) + texts / Math.max(1, size)
  }

  /** So many keys may be there besides what is to leave. */
  hasRoomFor(keys: number): boolean {
    return keys < level.high * this.keys
  }

  /** So many keys may come, whose texts are as long as those that are there. */
  admits(more: number): boolean {
    const size = this.index.size + more
    return size < level.high * this.keysOf(size)
  }

  /** How many of so many keys have to leave. */
  excess(keys: number): number {
    const room = this.keys
    return keys <= level.high * room ? 0 : Math.ceil(keys - level.low * room)
  }

  isFull(keys: number): boolean {
    return keys > level.full * this.keys
  }

  /** Bytes of rows that may wait for their state, with what is read for them. */
  get waitingBytes(): number {
    return part.waiting * this.wayBytes
  }

  /** Those of so many rows. */
  bytesWaiting(rows: number, rowBytes: number): number {
    return rows * rowBytes + this.bytesOnTheWay(rows)
  }

  /** Rows that wait together, where so many batches do. */
  rowsAtOnce(rowBytes: number, batches: number): number {
    return Math.max(atOnce.rowsMin, Math.floor(this.waitingBytes / batches / this.bytesWaiting(1, rowBytes)))
  }

  /** Rows that leave together: a key is one, and so is each item of its lists and maps. */
  get leavingAtOnce(): number {
    const keys = Math.max(1, this.index.size)
    const rows = this.collections().reduce((sum, { size }) => sum + size, keys)
    const rowBytes = onTheWayBytes.names + (onTheWayBytes.states * this.bytesOfState * keys) / rows
    return Math.min(atOnce.leavingMax, Math.max(atOnce.rowsMin, Math.floor(this.leavingBytes / rowBytes)))
  }

  /** Bytes of what leaves or passes, with what it is written into. */
  get leavingBytes(): number {
    return Math.max(atOnce.bytesMin, part.leaving * this.wayBytes)
  }

  private bytesOnTheWay(keys: number): number {
    return keys * (onTheWayBytes.names + onTheWayBytes.states * this.bytesOfState)
  }

  /** Of what changed since the last cut, an epoch becomes so many bytes. */
  get bytesToWrite(): number {
    return this.tables().reduce((sum, { dirtyRows }) => sum + dirtyRows, 0) * writtenPerChanged * this.bytesOfState
  }

  /** Bytes of epochs that may be on their way to the disk. */
  get unwrittenBytes(): number {
    return part.unwritten * this.wayBytes
  }
}
