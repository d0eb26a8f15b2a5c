/**
 * Key index: which slot a key has. Slots count keys in order of first appearance over the whole run; state
 * tables, lanes and timers go by slot, so a key is hashed and compared once a row and nowhere else.
 */
import { type Batch, type Column, makeColumn, noNulls } from '../batch/index.js'
import { invariant } from '../base/index.js'
import { partitionGroups } from '../kernels/index.js'
import { type DataType, type Schema, byteWidth, sameType } from '../schema/index.js'
import { type ColdKeys } from './cold.js'
import { checkFlat, nullRows } from './key-bytes.js'
import { decodeKeys } from './key-decoder.js'
import { encodeKeys, pieceRows } from './key-encoder.js'
import { KeyTable, pieceRowsMax } from './key-table.js'
import { type Scratch } from './scratch.js'
import { groupsOf } from './slots-by-group.js'
import { TableMemory } from './memory.js'
import { type PackedRows, startOf } from './packed.js'

/** Slots that `byPlace` sorts: 16 bits of group, 16 of key and 20 of number are a whole number in a double. */
const placesMax = 1 << 20

export interface KeyIndexOptions {
  /** The key columns in the order of `keyBy`: flat types. */
  readonly key: Schema
  /** 1 to 65,535. */
  readonly keyGroups: number
  /** Rows with a null in a key column are keys too. Otherwise the caller takes them out: see `nullRows`. */
  readonly nullKeys: boolean
  /** Plain TypeScript instead of WebAssembly: as on a platform without it. */
  readonly plain?: boolean
  /** Its memory counts more than the time of a lookup. */
  readonly dense?: boolean
}

/** Keys by slot, as far as the store has to know: keys of a stream, or entries of a key that have keys of their own. */
export interface KeySlots {
  readonly size: number
  readonly groupOf: Uint16Array
  /** @param scratch where keys may lie that are read at once */
  keysOf(slots: Int32Array, scratch?: Scratch): Batch
  /** The key bytes of these slots. */
  packedKeys(slots: Int32Array): PackedRows
  /** With their key groups. */
  placesOf(slots: Int32Array): ColdKeys
  resolve(keys: Batch): Int32Array
  /** So many will be there: it need not grow for them little by little. */
  expect(keys: number): void
}

export class KeyIndex implements KeySlots {
  /** Key group of each slot; longer than `size`. Another array after it grew. */
  groupOf: Uint16Array = new Uint16Array(1024)
  private readonly table: KeyTable
  /** One column of 8 bytes: keys are numbers and need no encoding. */
  private readonly wide: boolean
  /** Keys were taken out. */
  private reuses = false
  private fresh: number[] | null = null

  constructor(private readonly options: KeyIndexOptions) {
    const { key, keyGroups, nullKeys } = options
    checkFlat(key, 'key')
    invariant(keyGroups >= 1 && keyGroups <= 65_535, 'there are 1 to 65,535 key groups')
    this.wide = !nullKeys && key.fields.length === 1 && key.fields.every(f => byteWidth(f.type) === 8)
    this.table = new KeyTable(new TableMemory(options.plain), { wide: this.wide, dense: options.dense === true })
  }

  /** The key columns. */
  get key(): Schema {
    return this.options.key
  }

  /** Number of keys. */
  get size(): number {
    return this.table.live
  }

  /** Of the keys themselves, where they do not lie in the table. */
  get textBytes(): number {
    return this.table.textBytes
  }

  /** Slots so far: all below. */
  get slots(): number {
    return this.table.count
  }

  /** The most slots for which it takes at most so many bytes, where each key takes `keyBytes` elsewhere. */
  slotsWithin(bytes: number, keyBytes: number): number {
    return this.table.slotsWithin(bytes, keyBytes)
  }

  expect(keys: number): void {
    this.table.expect(keys)
  }

  /** Takes keys out; their slots go to keys that come later. */
  remove(slots: Int32Array): void {
    this.table.remove(slots)
    if (slots.length > 0) this.reuses = true
  }

  /** Slots that keys got since this was asked before, in no order. Kept from the first time on. */
  takeFresh(): Int32Array {
    const fresh = Int32Array.from(this.fresh ?? [])
    this.fresh = []
    return fresh
  }

  /** Bytes that the index holds. */
  get bytes(): number {
    return this.table.memory.size + this.groupOf.byteLength
  }

  /** Rows in which any key column is null, ascending; null where there are none. */
  nullRows(keys: Batch): Int32Array | null {
    return nullRows(keys)
  }

  /** The slot of each row's key; a key that was never seen gets the next one. Columns as in `key`. */
  resolve(keys: Batch): Int32Array {
    return this.resolveAll(keys, null)
  }

  /**
   * As `resolve`, with the rows of each lane: row i is in lane `laneOfGroup[g]` of its key group g. Quicker
   * than `partition`, which has to look up the group of each slot.
   */
  route(
    keys: Batch,
    laneOfGroup: Uint16Array,
    lanes: number,
  ): { readonly slots: Int32Array; readonly lanes: readonly Int32Array[] } {
    const groups = new Uint16Array(keys.rows)
    const slots = this.resolveAll(keys, groups)
    return { slots, lanes: partitionGroups(groups, laneOfGroup, lanes) }
  }

  private resolveAll(keys: Batch, groups: Uint16Array | null): Int32Array {
    this.check(keys)
    const { memory, lists } = this.table
    const slots = new Int32Array(keys.rows)
    let from = 0
    while (from < keys.rows) {
      const rows = this.wide ? Math.min(pieceRowsMax, keys.rows - from) : pieceRows(keys, from, pieceRowsMax)
      this.resolvePiece(keys, from, rows)
      slots.set(memory.i32.subarray(lists.slots >>> 2, (lists.slots >>> 2) + rows), from)
      if (groups !== null) this.groupsOfPiece(groups.subarray(from, from + rows), lists.hashes)
      from += rows
    }
    return slots
  }

  /** Key groups from the hashes at this address. */
  private groupsOfPiece(groups: Uint16Array, hashes: number): void {
    const found = this.table.memory.u32.subarray(hashes >>> 2)
    // Said to be unsigned 32-bit numbers, else the remainder is one of doubles and costs 25 ns a row.
    const keyGroups = this.options.keyGroups >>> 0
    for (let i = 0; i < groups.length; i++) groups[i] = ((found[i] ?? 0) >>> 0) % keyGroups
  }

  private check(keys: Batch): void {
    const { key, nullKeys } = this.options
    invariant(
      keys.columns.length === key.fields.length &&
        keys.columns.every((c, i) => sameType(c.type, key.fields[i]?.type ?? c.type)),
      'the columns are those of the key',
    )
    invariant(nullKeys || keys.columns.every(c => c.nullCount === 0), 'rows with a null key are taken out before')
  }

  private resolvePiece(keys: Batch, from: number, rows: number): void {
    const { table } = this
    table.makeRoom(rows)
    const before = table.count
    if (this.wide) {
      const [column] = keys.columns
      invariant(column !== undefined, 'a key has a column')
      table.memory.u8.set(column.values.subarray(8 * from, 8 * (from + rows)), table.keys64)
      if (column.type.kind === 'float64') table.memory.kernels.canonical64(table.keys64, rows)
      table.resolve64(rows)
    } else {
      const { nullKeys } = this.options
      encodeKeys(table.memory, keys, { from, rows }, { at: table.behind, places: table.lists, nullKeys })
      table.resolveBytes(rows)
    }
    if (this.reuses && table.count > before) this.reuse(before, rows)
    else this.noteGroups(before)
  }

  /** New keys go to slots that are free. */
  private reuse(before: number, rows: number): void {
    const { table } = this
    const { i32 } = table.memory
    const groups = new Uint16Array(table.count - before)
    this.groupsOfPiece(groups, table.lists.fresh)
    const slots = table.reuse(before)
    const list = table.lists.slots >>> 2
    for (let i = list; i < list + rows; i++) {
      const slot = i32[i] ?? 0
      if (slot >= before) i32[i] = slots[slot - before] ?? 0
    }
    this.makeRoom()
    slots.forEach((slot, i) => (this.groupOf[slot] = groups[i] ?? 0))
    for (const slot of this.fresh === null ? [] : slots) this.fresh?.push(slot)
  }

  private makeRoom(): void {
    const { count } = this.table
    if (count <= this.groupOf.length) return
    const larger = new Uint16Array(Math.max(count, 2 * this.groupOf.length))
    larger.set(this.groupOf)
    this.groupOf = larger
  }

  /** The key groups of the slots from `before` on. */
  private noteGroups(before: number): void {
    const { table } = this
    if (table.count === before) return
    this.makeRoom()
    if (this.fresh !== null) for (let slot = before; slot < table.count; slot++) this.fresh.push(slot)
    this.groupsOfPiece(this.groupOf.subarray(before, table.count), table.lists.fresh)
  }

  /** The key bytes of these slots. */
  packedKeys(slots: Int32Array): PackedRows {
    return this.table.packedKeys(slots)
  }

  placesOf(slots: Int32Array): ColdKeys {
    return { groups: groupsOf(slots, this.groupOf), keys: this.packedKeys(slots) }
  }

  /** These slots by their key groups, then by their keys, as far as a glance at their first bytes tells. */
  byPlace(slots: Int32Array): Int32Array {
    invariant(slots.length <= placesMax, 'so many slots are sorted at once')
    const order = new Float64Array(slots.length)
    const { bytes, ends } = this.packedKeys(slots)
    for (let i = 0; i < slots.length; i++) {
      const at = startOf(ends, i)
      const glance = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
      order[i] = ((this.groupOf[slots[i] ?? 0] ?? 0) * 65_536 + glance) * placesMax + i
    }
    order.sort()
    return Int32Array.from(order, place => slots[place % placesMax] ?? 0)
  }

  /** The key columns of these slots, one row each. */
  keysOf(slots: Int32Array, scratch?: Scratch): Batch {
    const { key, nullKeys } = this.options
    const [only, second] = key.fields
    if (only !== undefined && second === undefined && !nullKeys) {
      const column = this.plainKeys(only.type, slots, scratch)
      if (column !== null) return { schema: key, rows: slots.length, columns: [column] }
    }
    return { schema: key, rows: slots.length, columns: decodeKeys(key, this.packedKeys(slots), nullKeys) }
  }

  /** Keys of one column that are kept as it has them: a million of them in milliseconds. */
  private plainKeys(type: DataType, slots: Int32Array, scratch?: Scratch): Column | null {
    const length = slots.length
    if (this.wide) {
      const values = this.table.wideKeys(slots, scratch)
      return makeColumn(type, length, noNulls, { offsets: null, values, children: [] })
    }
    if (type.kind !== 'utf8' && type.kind !== 'binary') return null
    return makeColumn(type, length, noNulls, { ...this.table.textKeys(slots), children: [] })
  }

  /** These slots in the order of their key bytes, compared as unsigned bytes, a shorter key before a longer. */
  sorted(slots: Int32Array): Int32Array {
    return this.inOrder(slots, new Uint16Array(slots.length))
  }

  /** As `sorted`, by their key groups first: as keys lie beyond memory. */
  sortedByGroup(slots: Int32Array): Int32Array {
    return this.inOrder(
      slots,
      Uint16Array.from(slots, slot => this.groupOf[slot] ?? 0),
    )
  }

  private inOrder(slots: Int32Array, groups: Uint16Array): Int32Array {
    const prefixes = this.prefixesOf(slots)
    const keyOf = (i: number): Uint8Array => this.table.keyOf(slots[i] ?? 0)
    const order = Int32Array.from(slots, (_, i) => i)
    order.sort(
      (a, b) =>
        (groups[a] ?? 0) - (groups[b] ?? 0) ||
        (prefixes[a] ?? 0) - (prefixes[b] ?? 0) ||
        compareBytes(keyOf(a), keyOf(b)),
    )
    return order.map(i => slots[i] ?? 0)
  }

  /** Negative where the slot's key stands before this one of this key group, 0 where it is that. */
  comparePlace(slot: number, group: number, key: Uint8Array): number {
    return (this.groupOf[slot] ?? 0) - group || compareBytes(this.table.keyOf(slot), key)
  }

  /** The first six bytes of each key as a number that sorts as they do: most comparisons end there. */
  private prefixesOf(slots: Int32Array): Float64Array {
    return Float64Array.from(slots, slot => {
      const key = this.table.keyOf(slot)
      let prefix = 0
      for (let b = 0; b < 6; b++) prefix = prefix * 256 + (key[b] ?? 0)
      return prefix
    })
  }
}

/** As unsigned bytes, a shorter one before a longer. */
function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shorter = Math.min(left.length, right.length)
  for (let i = 0; i < shorter; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
