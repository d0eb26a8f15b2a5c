/**
 * State table: the state of one operator, a row for each slot that has some. Rows lie together in memory
 * (a key's state is in one cache line), and go out and come in as columns of a batch's distinct keys.
 *
 * A slot without state is *absent*: its columns are null, or their declared default. `apply` makes it
 * present, even where all its values are null; clearing makes it absent again.
 */
import { invariant } from '../base/index.js'
import {
  type Batch,
  type Loan,
  type Memory,
  Slab,
  bitAt,
  bitmapBytes,
  columnOf,
  nullColumn,
  setBit,
} from '../batch/index.js'
import { type Schema, sameType } from '../schema/index.js'
import { type Scratch } from './scratch.js'
import { SlotSet } from './slot-set.js'
import { RowMemory, pieceRowsMax } from './row-memory.js'
import { ColumnIn } from './state-in.js'
import { type GroupSpan, slotsWithin } from './slots-by-group.js'
import { type StateLayout, stateLayout } from './state-layout.js'
import { ColumnOut } from './state-out.js'
import { TextArena } from './text-arena.js'

/** State of k slots. */
export interface Gathered {
  /** k rows. */
  readonly state: Batch
  /** Bitmap, k bits: 1 where the slot has no state yet. */
  readonly isNew: Uint8Array
  /** What the columns lie in. */
  readonly loan: Loan | undefined
}

export class StateTable {
  private readonly layout: StateLayout
  private readonly rows: RowMemory
  private texts = new TextArena()
  private readonly dirty = new SlotSet()
  /** Those that lost their state since the last cut, even if they have some again. */
  private readonly cleared = new SlotSet()
  /** Those whose keys had state at the last cut. */
  private readonly stored = new SlotSet()
  private used = 0

  /**
   * @param schema the state columns: flat types, a `default` stands for null in a slot without state.
   * @param options `plain`: TypeScript instead of WebAssembly, as on a platform without it.
   * @throws TypeError where a type is nested, or a default does not fit its type.
   */
  constructor(
    readonly schema: Schema,
    { plain = false }: { readonly plain?: boolean } = {},
  ) {
    this.layout = stateLayout(schema)
    this.rows = new RowMemory(this.layout, plain)
    this.placeDefaults()
  }

  /** Bytes that the table holds. */
  get bytes(): number {
    return this.rows.memory.size + this.texts.bytes
  }

  /** The header of a row without nulls, and the default row: a row like any other that is never present. */
  private placeDefaults(): void {
    const { rows, layout } = this
    const { u8 } = rows.memory
    const full = u8.subarray(rows.full, rows.full + layout.headerBytes)
    setBit(full, 0)
    for (const column of layout.columns) setBit(full, column.there)
    rows.memory.u32[rows.rows >>> 2] = rows.defaultRow
    const defaults = this.schema.fields.map(f => columnOf(f.type, [f.default ?? null]))
    this.write({ schema: this.schema, rows: 1, columns: defaults }, 0, 1, null)
    const header = rows.defaultRow + layout.header
    u8[header] = (u8[header] ?? 0) & ~1
  }

  /**
   * The state of these slots, one row each. For a slot without state its columns are null or their default,
   * and its bit of `isNew` is 1.
   */
  gather(uniq: Int32Array, memory?: Memory): Gathered {
    const { rows, layout } = this
    const k = uniq.length
    const slab = new Slab(
      layout.columns.reduce((n, column) => n + ColumnOut.bytes(column, k), 0),
      memory,
    )
    const columns = layout.columns.map((column, c) => new ColumnOut(column, c, k, slab))
    const isNew = new Uint8Array(bitmapBytes(k))
    for (let from = 0; from < k; from += pieceRowsMax) {
      const n = Math.min(pieceRowsMax, k - from)
      rows.read(uniq.subarray(from, from + n))
      for (const column of columns) column.takePiece(rows, from, n)
      this.noteNew(isNew, from, n)
    }
    const state = { schema: this.schema, rows: k, columns: columns.map(c => c.finish(this.texts)) }
    return { state, isNew, loan: slab.loan }
  }

  /** Bit 0 of a header says "there", so the new ones are its zeros. */
  private noteNew(isNew: Uint8Array, from: number, n: number): void {
    const { memory, rows, bits } = this.rows
    if (this.rows.isCommon(0)) return
    memory.kernels.gatherBits(rows, n, this.layout.header, 0, bits)
    for (let b = 0; b < bitmapBytes(n); b++) isNew[(from >> 3) + b] = ~(memory.u8[bits + b] ?? 0)
    const rest = (from + n) & 7
    const last = (from + n) >> 3
    if (rest > 0) isNew[last] = (isNew[last] ?? 0) & ((1 << rest) - 1)
  }

  /**
   * Sets the state of these slots, which are distinct: row i of `state` is that of `uniq[i]`.
   *
   * @param state k rows with the columns of the schema.
   * @param clear bitmap of k bits, 1 where the slot loses its state instead; null where none does.
   */
  apply(uniq: Int32Array, state: Batch, clear: Uint8Array | null): void {
    const highest = this.put(uniq, state, clear)
    this.dirty.mark(uniq, highest)
    if (clear !== null) this.cleared.mark(marked(uniq, clear), highest)
  }

  /** As `apply`, with state that the store has already: it is not dirty. */
  restore(uniq: Int32Array, state: Batch, clear: Uint8Array | null): void {
    const highest = this.put(uniq, state, clear)
    this.stored.mark(uniq, highest)
    if (clear !== null) this.stored.unmark(marked(uniq, clear))
  }

  /** Slots whose keys have state now and had none at the last cut, and the other way round. Asked for before `takeDirty`. */
  takeTurnover(): { readonly came: Int32Array; readonly gone: Int32Array } {
    const came = this.presentOf(this.dirty.except(this.stored))
    const gone = this.cleared.take().filter(slot => this.stored.has(slot) && !this.present(slot))
    this.stored.mark(came, came.at(-1) ?? 0)
    this.stored.unmark(gone)
    return { came, gone }
  }

  /** Slots that were applied since this was asked before, ascending; one without state was cleared. */
  takeDirty(scratch?: Scratch): Int32Array {
    return this.dirty.take(scratch)
  }

  get dirtyRows(): number {
    return this.dirty.count
  }

  isDirty(slot: number): boolean {
    return this.dirty.has(slot)
  }

  /** Takes the state of these slots out of memory, as if it had never been there. */
  forget(uniq: Int32Array): void {
    const all = new Uint8Array(bitmapBytes(uniq.length)).fill(255)
    const columns = this.schema.fields.map(f => nullColumn(f.type, uniq.length))
    this.restore(uniq, { schema: this.schema, rows: uniq.length, columns }, all)
  }

  /** Bytes of a slot's row, and those of all texts. */
  get rowBytes(): number {
    return this.layout.stride
  }

  get textBytes(): number {
    return this.texts.bytes
  }

  /** Those of texts that rows have. */
  get liveTextBytes(): number {
    return 8 * this.texts.liveUnits
  }

  /** Answers the highest slot. */
  private put(uniq: Int32Array, state: Batch, clear: Uint8Array | null): number {
    this.check(uniq, state)
    let highest = -1
    for (let i = 0; i < uniq.length; i++) highest = Math.max(highest, uniq[i] ?? 0)
    this.used = Math.max(this.used, highest + 1)
    this.rows.makeRoom(highest + 1)
    for (let from = 0; from < uniq.length; from += pieceRowsMax) {
      const n = Math.min(pieceRowsMax, uniq.length - from)
      this.rows.locate(uniq.subarray(from, from + n))
      this.write(state, from, n, clear)
    }
    if (this.texts.wasteful) this.compact()
    return highest
  }

  private check(uniq: Int32Array, state: Batch): void {
    const { fields } = this.schema
    invariant(state.rows === uniq.length, `state has one row a key (${state.rows} rows, ${uniq.length} keys)`)
    invariant(
      state.columns.length === fields.length && fields.every((f, c) => isOfType(state, c, f.type)),
      'state has the declared columns',
    )
  }

  /** Rows [from, from + n) of `state` into the rows that were located. */
  private write(state: Batch, from: number, n: number, clear: Uint8Array | null): void {
    const { rows, layout } = this
    const columns = layout.columns.flatMap((place, c) => {
      const column = state.columns[c]
      return column === undefined ? [] : [new ColumnIn(place, c, column, clear)]
    })
    for (const column of columns) column.layPiece(rows, this.texts, from, n)
    rows.write(n)
    for (const column of columns) column.putBits(rows, from, n)
    if (clear !== null) this.clearHeaders(clear, from, n)
  }

  private clearHeaders(clear: Uint8Array, from: number, n: number): void {
    const { u8, u32 } = this.rows.memory
    for (let i = 0; i < n; i++) {
      if ((((clear[(from + i) >> 3] ?? 0) >> ((from + i) & 7)) & 1) === 0) continue
      const header = (u32[(this.rows.rows >>> 2) + i] ?? 0) + this.layout.header
      u8.fill(0, header, header + this.layout.headerBytes)
    }
  }

  /** Slots that may have state: all below it. */
  get slots(): number {
    return this.used
  }

  /** Whether the slot has state. */
  present(slot: number): boolean {
    return slot < this.rows.limit && ((this.rows.memory.u8[this.rows.rowOf(slot) + this.layout.header] ?? 0) & 1) === 1
  }

  /** The slots that have state, ascending. */
  presentSlots(): Int32Array {
    const slots = new Int32Array(Math.min(this.used, this.rows.limit))
    for (let slot = 0; slot < slots.length; slot++) slots[slot] = slot
    return this.presentOf(slots)
  }

  /** As `present`, of each of these slots: 1 or 0. */
  presence(slots: Int32Array): Uint8Array {
    const { rows, layout } = this
    // Asked for once: each time is a call out of the engine.
    const { u8 } = rows.memory
    const present = new Uint8Array(slots.length)
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] ?? 0
      if (slot < rows.limit) present[i] = (u8[rows.rowOf(slot) + layout.header] ?? 0) & 1
    }
    return present
  }

  /** Those of key groups in the span, by the group of each slot. */
  presentIn(groupOf: Uint16Array, span: GroupSpan): Int32Array {
    return this.presentOf(slotsWithin(groupOf, Math.min(this.used, this.rows.limit, groupOf.length), span))
  }

  /** Those that had state when their turnover was taken: no row has to be looked at. */
  storedIn(groupOf: Uint16Array, span: GroupSpan, scratch?: Scratch): Int32Array {
    return this.stored.among(slotsWithin(groupOf, Math.min(this.used, groupOf.length), span, scratch))
  }

  /** Those of these slots, all of which have room, that have state. */
  private presentOf(slots: Int32Array): Int32Array {
    let kept = 0
    for (let from = 0; from < slots.length; from += pieceRowsMax) {
      kept = this.keepPresent(slots, slots.subarray(from, from + pieceRowsMax), kept)
    }
    return slots.subarray(0, kept)
  }

  /** Puts those of a piece that have state into `kept` from `at` on, and answers where they end. */
  private keepPresent(kept: Int32Array, piece: Int32Array, at: number): number {
    const { rows, layout } = this
    const { memory, bits } = rows
    rows.locate(piece)
    const absent = memory.kernels.gatherBits(rows.rows, piece.length, layout.header, 0, bits)
    if (absent === 0) {
      kept.set(piece, at)
      return at + piece.length
    }
    const { u8 } = memory
    let end = at
    for (let i = 0; i < piece.length; i++) {
      kept[end] = piece[i] ?? 0
      end += ((u8[bits + (i >> 3)] ?? 0) >> (i & 7)) & 1
    }
    return end
  }

  /** Copies the texts that live into a new arena; rows that have none have a length of 0. */
  private compact(): void {
    const { rows, layout } = this
    const { u32 } = rows.memory
    const fresh = new TextArena()
    const offsets = layout.columns.filter(c => c.isText).map(c => c.offset)
    const move = (row: number): void => {
      for (const offset of offsets) {
        const cell = (row + offset) >>> 2
        const length = u32[cell + 1] ?? 0
        if (length > 0) u32[cell] = this.texts.moveTo(fresh, u32[cell] ?? 0, length)
      }
    }
    move(rows.defaultRow)
    for (let slot = 0; slot < rows.limit; slot++) move(rows.rowOf(slot))
    this.texts = fresh
  }
}

/** Those of the slots whose bit is 1. */
const marked = (slots: Int32Array, bits: Uint8Array): Int32Array => slots.filter((_, i) => bitAt(bits, i) === 1)

const isOfType = (batch: Batch, c: number, type: Schema['fields'][number]['type']): boolean => {
  const column = batch.columns[c]
  return column !== undefined && sameType(column.type, type)
}
