/**
 * Key kernels: from key columns to slot numbers, and between state rows and columns. All arguments are byte
 * addresses and counts in one memory, which the caller lays out; nothing is checked. The WebAssembly form
 * and the plain twin are the same functions over the same memory, so a test runs both and compares bytes.
 *
 * A *slot* numbers a key in order of first appearance. The *table* is open addressing with linear probing,
 * entries of 16 bytes: the key (8-byte keys) or its place and length in the arena, then slot + 1, then the
 * hash; slot + 1 = 0 is an empty entry. *bySlot* has 8 bytes a slot: the key itself, or place and length.
 * Keys in the arena begin at multiples of 8 and are filled with zeros up to the next one, so that they are
 * hashed and compared by words. A validity of 0 stands for "no nulls".
 */
export interface LookupKernels {
  /** Makes -0.0 to 0.0 and every NaN to one, in place, in n float64. */
  canonical64(keys: number, n: number): void
  /** Murmur3 of n keys of 8 bytes. */
  hash64(keys: number, n: number, hashes: number): void
  /**
   * The slot of each of n keys; new keys get `count`, `count + 1`, ... and their hashes go to `fresh`.
   * Answers the new count. There is room for n new keys.
   */
  resolve64(
    keys: number,
    hashes: number,
    n: number,
    table: number,
    mask: number,
    bySlot: number,
    count: number,
    slots: number,
    fresh: number,
  ): number
  /** Fills an empty table with the keys of slots [0, count). */
  rebuild64(bySlot: number, count: number, table: number, mask: number): void
  /** Murmur3 of n keys at `starts` with `lengths`. */
  hashBytes(starts: number, lengths: number, n: number, hashes: number): void
  /**
   * As `resolve64`; places in the table count from `arena`. New keys are copied down to `arena + used`,
   * which lies before `starts[0]`; how much is used then stands in `fresh - 8` (one u32). The four bytes
   * before `fresh` are theirs, here and in `resolve64`.
   */
  resolveBytes(
    starts: number,
    lengths: number,
    hashes: number,
    n: number,
    table: number,
    mask: number,
    bySlot: number,
    count: number,
    slots: number,
    fresh: number,
    arena: number,
    used: number,
  ): number
  rebuildBytes(bySlot: number, count: number, table: number, mask: number, arena: number): void
}

export interface EncodeKernels {
  /** lengths[i] += width where value i is there. */
  addFixed(n: number, lengths: number, validity: number, width: number): void
  /** lengths[i] += 4 + bytes of value i where it is there. */
  addText(n: number, lengths: number, validity: number, offsets: number): void
  /** Where n keys of these lengths begin from `from` on, in `starts` and `cursors`, gaps zero. Answers the end. */
  place(n: number, lengths: number, starts: number, cursors: number, from: number): number
  /**
   * A key that is one text without nulls in one pass: what `addText`, `place`, `putText` and `hashBytes` do.
   * Answers the end.
   */
  encodeText(
    n: number,
    offsets: number,
    values: number,
    from: number,
    starts: number,
    lengths: number,
    hashes: number,
  ): number
  /** One byte, 1 where the value is there; then the value follows only where it is. */
  putFlag(n: number, cursors: number, validity: number): void
  putFixed(n: number, cursors: number, validity: number, values: number, width: number): void
  putBit(n: number, cursors: number, validity: number, bits: number): void
  /** float: 4 or 8 bytes; -0.0 and NaN in their one form. */
  putFloat(n: number, cursors: number, validity: number, values: number, width: number): void
  /** Length and bytes; offsets count from `values`. */
  putText(n: number, cursors: number, validity: number, offsets: number, values: number): void
}

export interface RowKernels {
  /**
   * Addresses of the rows of n slots: `base + slot * stride`. A slot from `limit` on, or whose header (at
   * `header` in its row) says "absent" (bit 0), has `instead` for an address where `instead` is not 0.
   */
  locate(
    slots: number,
    n: number,
    limit: number,
    base: number,
    stride: number,
    header: number,
    instead: number,
    rows: number,
  ): void
  /** Values of n cells, `width` of 1, 2, 4, 8 or 16 bytes, at `offset` in each row. */
  gather(rows: number, n: number, offset: number, width: number, values: number): void
  scatter(rows: number, n: number, offset: number, width: number, values: number): void
  /** A bitmap of bit `bit` of the header at `header` in n rows. Answers the number of zeros. */
  gatherBits(rows: number, n: number, header: number, bit: number, bits: number): number
  /** The same bit of n rows from a bitmap. */
  scatterBits(rows: number, n: number, header: number, bit: number, bits: number): void
  /**
   * As `locate`, then as `gather` for each of `count` columns, a few rows at a time, so that they are in the cache for all
   * columns. A column is three u32: offset, width, values. The bits that all headers have, of `headerBytes` bytes, go to `common`.
   */
  readRows(
    slots: number,
    n: number,
    limit: number,
    base: number,
    stride: number,
    header: number,
    headerBytes: number,
    instead: number,
    rows: number,
    common: number,
    columns: number,
    count: number,
  ): void
  /** The other way round: the bytes at `full` over the headers of n rows, then as `scatter` for each column. */
  writeRows(
    rows: number,
    n: number,
    header: number,
    headerBytes: number,
    full: number,
    columns: number,
    count: number,
  ): void
}

export interface GroupKernels {
  /**
   * Distinct slots of n rows: see `Distinct`. The table has 2^bits entries of 8 bytes, more than n; `starts`
   * has room for n + 2. Answers k.
   */
  group(
    slots: number,
    n: number,
    table: number,
    bits: number,
    uniq: number,
    index: number,
    order: number,
    starts: number,
  ): number
}

export type KeyKernels = LookupKernels & EncodeKernels & RowKernels
