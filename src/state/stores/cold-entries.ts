/**
 * Cold entries: names and values of state beyond memory, many at once.
 *
 *     name   u32 CRC32C of the operator's id, u16 key group, the key bytes; big-endian, so a group lies together, and
 *            so are the last 8 bytes of a key that ends with a number, so that items of a list lie in their order
 *     value  u16 number of the form, u48 epoch, the row (row-codec.ts), u32 sum of the name and of all before it
 */
import { bitAt } from '../../batch/index.js'
import { crc32c, crc32cRows } from '../../kernels/index.js'
import { type ColdChanges, type ColdHeads, type ColdKeys, type ColdRows } from '../cold.js'
import { type PackedRows, copyBytes, startOf } from '../packed.js'
import { type Put } from './key-value.js'
import { u32In } from './level-bytes.js'

const nameHead = 6
const valueHead = 8
const sumBytes = 4
const numberBytes = 8
const text = new TextEncoder()

export const operatorId = (operator: string): number => crc32c(text.encode(operator))

export function nameOf(id: number, group: number): Uint8Array {
  const name = new Uint8Array(nameHead)
  putNameHead(name, 0, id, group)
  return name
}

function putNameHead(bytes: Uint8Array, at: number, id: number, group: number): void {
  bytes[at] = id >>> 24
  bytes[at + 1] = id >>> 16
  bytes[at + 2] = id >>> 8
  bytes[at + 3] = id
  bytes[at + 4] = group >>> 8
  bytes[at + 5] = group
}

/** How the entries of an operator are named. */
export interface Naming {
  readonly id: number
  /** The last 8 bytes of a key stand the other way round. */
  readonly turned: boolean
}

export function namesOf({ id, turned }: Naming, { groups, keys }: ColdKeys): PackedRows {
  const { bytes, ends } = keys
  const names = new Uint8Array(bytes.length + nameHead * ends.length)
  const nameEnds = ends.map((end, i) => end + nameHead * (i + 1))
  for (let i = 0; i < ends.length; i++) {
    const at = startOf(nameEnds, i)
    putNameHead(names, at, id, groups[i] ?? 0)
    copyBytes(names, at + nameHead, bytes, startOf(ends, i), ends[i] ?? 0)
  }
  if (turned) turnNumbers(names, nameEnds)
  return { bytes: names, ends: nameEnds }
}

function turnNumbers(bytes: Uint8Array, ends: Uint32Array): void {
  for (const end of ends) bytes.subarray(end - numberBytes, end).reverse()
}

/** What the names are of. */
export function keysIn({ turned }: Pick<Naming, 'turned'>, names: readonly Uint8Array[]): ColdKeys {
  const groups = Uint16Array.from(names, name => ((name[4] ?? 0) << 8) | (name[5] ?? 0))
  const ends = new Uint32Array(names.length)
  let end = 0
  names.forEach((name, i) => {
    end += name.length - nameHead
    ends[i] = end
  })
  const bytes = new Uint8Array(end)
  names.forEach((name, i) => copyBytes(bytes, startOf(ends, i), name, nameHead, name.length))
  if (turned) turnNumbers(bytes, ends)
  return { groups, keys: { bytes, ends } }
}

export interface WrittenEntries {
  /** Made as they are taken: a database copies each one, and as objects of their own all are ten times as large as they are. */
  readonly puts: Iterable<Put>
  readonly gone: Iterable<Uint8Array>
  /** Of each change; 0 where its entry goes. */
  readonly sums: Uint32Array
  readonly bytes: number
}

/** @param form the number of the changes' form. */
export function encodeEntries(naming: Naming, changes: ColdChanges, form: number): WrittenEntries {
  const { rows, gone, epoch } = changes
  const names = namesOf(naming, changes)
  const count = rows.ends.length
  // Names and values one behind the other, but for the sums, which are of both.
  const ends = rows.ends.map((end, i) => end + (names.ends[i] ?? 0) + valueHead * (i + 1))
  const bytes = new Uint8Array(ends[count - 1] ?? 0)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < count; i++) {
    const at = startOf(ends, i)
    const [from, to] = [startOf(names.ends, i), names.ends[i] ?? 0]
    copyBytes(bytes, at, names.bytes, from, to)
    const value = at + to - from
    view.setUint16(value, form, true)
    view.setUint32(value + 2, epoch, true)
    view.setUint16(value + 6, Math.floor(epoch / 2 ** 32), true)
    copyBytes(bytes, value + valueHead, rows.bytes, startOf(rows.ends, i), rows.ends[i] ?? 0)
  }
  // 0 says that there is no entry.
  const sums = crc32cRows(bytes, ends).map((sum, i) => (bitAt(gone, i) === 1 ? 0 : sum || 1))
  const written = { entries: { bytes, ends }, names, sums }
  return { puts: putsOf(written), gone: goneOf(written), sums, bytes: bytes.length + sumBytes * count }
}

interface Encoded {
  /** Names and values without their sums. */
  readonly entries: PackedRows
  readonly names: PackedRows
  readonly sums: Uint32Array
}

function* putsOf({ entries, names, sums }: Encoded): Iterable<Put> {
  for (let i = 0; i < sums.length; i++) {
    if (sums[i] === 0) continue
    const key = names.bytes.subarray(startOf(names.ends, i), names.ends[i] ?? 0)
    const from = startOf(entries.ends, i) + key.length
    const end = (entries.ends[i] ?? 0) - from
    const value = new Uint8Array(end + sumBytes)
    copyBytes(value, 0, entries.bytes, from, from + end)
    putU32(value, end, sums[i] ?? 0)
    yield { key, value }
  }
}

function* goneOf({ names, sums }: Encoded): Iterable<Uint8Array> {
  for (let i = 0; i < sums.length; i++) {
    if (sums[i] === 0) yield names.bytes.subarray(startOf(names.ends, i), names.ends[i] ?? 0)
  }
}

/** Entries by the number of their form. */
export type ReadEntries = readonly (Omit<ColdRows, 'forms'> & { readonly form: number })[]

/**
 * What stands under these names, without the state.
 *
 * @param values undefined: nothing.
 * @returns null where a bit of an entry is not what was written.
 */
export function decodeHeads(names: PackedRows, values: readonly (Uint8Array | undefined)[]): ColdHeads | null {
  const at = Int32Array.from(values.keys()).filter(i => values[i] !== undefined)
  const entries = new Uint32Array(at.length)
  const epochs = new Float64Array(at.length)
  let end = 0
  for (let i = 0; i < at.length; i++) {
    const row = at[i] ?? 0
    const value = values[row]
    if (value === undefined || value.length < valueHead + sumBytes) return null
    end += (names.ends[row] ?? 0) - startOf(names.ends, row) + value.length - sumBytes
    entries[i] = end
    epochs[i] = u32In(value, 2) + 2 ** 32 * ((value[6] ?? 0) | ((value[7] ?? 0) << 8))
  }
  const sums = checkSums(names, values, at, entries)
  return sums === null ? null : { at, sums, epochs }
}

/** As `decodeHeads`, with the state. */
export function decodeEntries(names: PackedRows, values: readonly (Uint8Array | undefined)[]): ReadEntries | null {
  const heads = decodeHeads(names, values)
  if (heads === null) return null
  const byForm = new Map<number, number[]>()
  heads.at.forEach((row, i) => {
    const value = values[row]
    const form = (value?.[0] ?? 0) | ((value?.[1] ?? 0) << 8)
    const some = byForm.get(form)
    if (some === undefined) byForm.set(form, [i])
    else some.push(i)
  })
  return [...byForm].map(([form, some]) => {
    const at = Int32Array.from(some, i => heads.at[i] ?? 0)
    const sums = Uint32Array.from(some, i => heads.sums[i] ?? 0)
    const epochs = Float64Array.from(some, i => heads.epochs[i] ?? 0)
    return { form, at, sums, epochs, rows: rowsOf(at, values) }
  })
}

/** The sums that stand in the values, where all are those of what stands before them. */
function checkSums(
  names: PackedRows,
  values: readonly (Uint8Array | undefined)[],
  at: Int32Array,
  ends: Uint32Array,
): Uint32Array | null {
  const bytes = new Uint8Array(ends[at.length - 1] ?? 0)
  const said = new Uint32Array(at.length)
  for (let i = 0; i < at.length; i++) {
    const row = at[i] ?? 0
    const value = values[row] ?? bytes
    const [from, to] = [startOf(names.ends, row), names.ends[row] ?? 0]
    const end = value.length - sumBytes
    copyBytes(bytes, startOf(ends, i), names.bytes, from, to)
    copyBytes(bytes, startOf(ends, i) + to - from, value, 0, end)
    said[i] = u32In(value, end)
  }
  return crc32cRows(bytes, ends).every((sum, i) => (sum || 1) === said[i]) ? said : null
}

function rowsOf(at: Int32Array, values: readonly (Uint8Array | undefined)[]): PackedRows {
  const ends = new Uint32Array(at.length)
  let end = 0
  for (let i = 0; i < at.length; i++) {
    end += (values[at[i] ?? 0]?.length ?? 0) - valueHead - sumBytes
    ends[i] = end
  }
  const bytes = new Uint8Array(end)
  for (let i = 0; i < at.length; i++) {
    const value = values[at[i] ?? 0] ?? bytes
    copyBytes(bytes, startOf(ends, i), value, valueHead, value.length - sumBytes)
  }
  return { bytes, ends }
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}
