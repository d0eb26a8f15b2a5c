/**
 * Cold store: the state of keys that memory has no room for, an entry a key and operator (cold-entries.ts), in a database of
 * its own: its keys come in no order, and would make LevelDB merge the blocks of the epochs over and over. The last key is that of
 * the tally (cold-tally.ts).
 *
 * An entry of epoch N is the state of its key at the end of epoch N. A block of an epoch after N that has the key has newer
 * state; one of N or before has the same or older state, whatever it has superseded. So an entry stays right when bases are
 * written without it, and a stale one has to go before its key is left out of one.
 */
import { type StateError } from '../../base/index.js'
import { type StateForm, declaredToJson, formFromJson } from '../block-schema.js'
import {
  type ColdChanges,
  type ColdEntries,
  type ColdItems,
  type ColdKeys,
  type ColdPage,
  type ColdPlace,
  type ColdRows,
} from '../cold.js'
import { KeyDigest } from '../key-digest.js'
import { type PackedRows, packedOf, slicedRows, viewsOf } from '../packed.js'
import { decodeEntries, encodeEntries, keysIn, nameOf, namesOf, operatorId } from './cold-entries.js'
import { ColdTally } from './cold-tally.js'
import { type KeyReader, type KeyValue, type Put } from './key-value.js'
import { damagedBeyond } from './open-place.js'
import { type GroupRange } from './snapshot.js'

const entriesAtOnce = 4_096
/** A database gives each value as an object of its own, ten times as large as what is in it. */
const readAtOnce = 1_024
/** Keys whose lists or maps are read at once. */
const ownersAtOnce = 64
const tallyName = new Uint8Array(6).fill(255)

/** The entries as they were at one moment. */
export type ColdReader = Pick<ColdStore, 'operators' | 'rowsOf' | 'read' | 'entries' | 'close' | 'groupsFrom'>

export class ColdStore {
  /** Names and values of entries, so far. */
  bytesWritten = 0
  private tally = new ColdTally()
  private readonly operatorIds = new Map<string, number>()
  private readonly forms = new Map<string, readonly StateForm[]>()

  private constructor(
    private kv: KeyValue,
    private readonly path: string,
    private reader: KeyReader = kv,
  ) {}

  /**
   * Believes that the database has what was written until some write, which is what its place looks for. Whoever reads entries
   * looks at each of them.
   *
   * @param writes as many writes as are known to have been made.
   * @throws StateError ANB6010 where it has seen fewer, or has entries that nobody wrote
   */
  static async open(kv: KeyValue, path: string, writes: number): Promise<ColdStore> {
    const store = new ColdStore(kv, path)
    const written = await kv.get(tallyName)
    const tally = written === undefined ? new ColdTally() : ColdTally.decode(written)
    if (tally === null) throw store.damaged('what it has to have is not what was written')
    if (tally.writes < writes) throw store.damaged(`it has seen ${tally.writes} writes of ${writes}`)
    store.tally = tally
    await store.expectNoOthers()
    return store
  }

  /** Grows with each write. */
  get writes(): number {
    return this.tally.writes
  }

  get operators(): readonly string[] {
    return this.tally.operators.filter(operator => this.rowsOf(operator) > 0)
  }

  /** Entries of an operator. */
  rowsOf(operator: string): number {
    return this.tally.keysOf(operator)?.total ?? 0
  }

  /** The keys of those entries; null: there never were any. */
  keysOf(operator: string): KeyDigest | null {
    return this.tally.keysOf(operator)
  }

  /** What these keys have here, by form. */
  async read(operator: string, keys: ColdKeys): Promise<readonly ColdRows[]> {
    if (keys.groups.length === 0 || this.rowsOf(operator) === 0) return []
    const names = namesOf(this.idOf(operator), keys)
    const found: ColdRows[] = []
    for (let from = 0; from < names.ends.length; from += readAtOnce) {
      const some = slicedRows(names, from, from + readAtOnce)
      const rows = this.found(operator, some, await this.reader.getMany(viewsOf(some)))
      found.push(...rows.map(each => ({ ...each, at: each.at.map(i => from + i) })))
    }
    return found
  }

  /** What lists or maps of these keys have here, by form. */
  async readItems(operator: string, keys: ColdKeys): Promise<readonly ColdItems[]> {
    const found: ColdItems[] = []
    if (this.rowsOf(operator) === 0) return found
    const owners = viewsOf(namesOf(this.idOf(operator), keys))
    for (let from = 0; from < owners.length; from += ownersAtOnce) {
      const of = await Promise.all(owners.slice(from, from + ownersAtOnce).map(owner => this.startingWith(owner)))
      found.push(...this.itemsOf(operator, of, from))
    }
    return found
  }

  /** @param of what each owner has; the first of them has this number */
  private itemsOf(operator: string, of: readonly (readonly Put[])[], first: number): readonly ColdItems[] {
    const puts = of.flat()
    if (puts.length === 0) return []
    const owners = Int32Array.from(of.flatMap((some, i) => some.map(() => first + i)))
    const items = keysIn(puts.map(({ key }) => key))
    const names = namesOf(this.idOf(operator), items)
    const values = puts.map(({ value }) => value)
    return this.found(operator, names, values).map(rows => {
      return { ...rows, keys: packedOf(items.keys, rows.at), at: rows.at.map(i => owners[i] ?? 0) }
    })
  }

  private async startingWith(name: Uint8Array): Promise<readonly Put[]> {
    const puts: Put[] = []
    for await (const put of this.reader.entries({ from: name, to: behindAll(name) })) puts.push(put)
    return puts
  }

  /**
   * Writes entries, all or none. After an error nobody knows which: the same changes may be written again through another
   * handle (`useHandle`), and nothing else before them.
   *
   * @returns for each of the changes the sums of its entries; 0 where one goes.
   */
  async write(changes: readonly ColdChanges[]): Promise<readonly Uint32Array[]> {
    const tally = this.tally.copy()
    tally.writes += 1
    const written = changes.map(each => {
      const { operator } = each
      const entries = encodeEntries(this.idOf(operator), each, tally.learn(operator, declaredToJson(each.form)))
      tally.count(operator, each, each.before, entries.sums)
      return entries
    })
    const told = [{ key: tallyName, value: tally.encode() }]
    await this.kv.write(inTurn([...written.map(({ puts }) => puts), told]), inTurn(written.map(({ gone }) => gone)))
    this.tally = tally
    this.bytesWritten += written.reduce((sum, { bytes }) => sum + bytes, 0)
    return written.map(({ sums }) => sums)
  }

  /** The database was opened again. */
  useHandle(kv: KeyValue): void {
    this.kv = kv
    this.reader = kv
  }

  /**
   * The entries of an operator, by key group and key.
   *
   * @throws StateError ANB6010 where one is not what was written, or behind the last one, where others were written
   */
  async *entries(operator: string, groups: GroupRange = this.allOf(operator)): AsyncIterable<ColdEntries> {
    const id = this.idOf(operator)
    const last = Math.min(groups.last, this.allOf(operator).last)
    const seen = this.tally.none(operator)
    for await (const { names, values } of pagesOf(this.reader, {
      from: nameOf(id, groups.first),
      to: nameOf(id, last + 1),
    })) {
      const keys = keysIn(names)
      const found = this.found(operator, namesOf(id, keys), values)
      seen.count(operator, keys, new Uint32Array(names.length), sumsOf(found, names.length))
      yield { ...keys, found }
    }
    const other = this.tally.difference(operator, { first: groups.first, last }, seen)
    if (other !== null)
      throw this.damaged(`key group ${other} of operator "${operator}" has other entries than were written`)
  }

  private allOf(operator: string): GroupRange {
    return { first: 0, last: this.tally.groupsOf(operator) - 1 }
  }

  /** Key groups from one on that have so many entries, or are the last ones; null: there are none. */
  groupsFrom(operator: string, first: number, entriesMin: number): GroupRange | null {
    const { keys } = this.tally.keysOf(operator) ?? new KeyDigest(0)
    if (first >= keys.length) return null
    let last = first
    for (let entries = keys[first] ?? 0; entries < entriesMin && last + 1 < keys.length; entries += keys[last] ?? 0)
      last += 1
    return { first, last }
  }

  /** Some entries of an operator, by key group and key. */
  async page({ operator, groups, from, entriesMax }: ColdPlace): Promise<ColdPage> {
    const id = this.idOf(operator)
    const range = { from: from ?? nameOf(id, groups.first), to: nameOf(id, groups.last + 1), limit: entriesMax }
    const [names, values]: [Uint8Array[], Uint8Array[]] = [[], []]
    for await (const { key, value } of this.reader.entries(range)) {
      names.push(key)
      values.push(value)
    }
    const keys = keysIn(names)
    const last = names.length < entriesMax ? undefined : names.at(-1)
    return { ...keys, found: this.found(operator, namesOf(id, keys), values), next: last ? behind(last) : null }
  }

  /** To be read while others are written. */
  snapshot(): ColdReader {
    const view = new ColdStore(this.kv, this.path, this.kv.snapshot())
    view.tally = this.tally
    return view
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  /** Nothing lies between the key groups of operators. */
  private async expectNoOthers(): Promise<void> {
    const ids = this.tally.operators.map(operator => ({ id: this.idOf(operator), of: this.tally.groupsOf(operator) }))
    let from: Uint8Array = new Uint8Array(0)
    for (const { id, of } of ids.toSorted((a, b) => a.id - b.id)) {
      await this.expectNothing(from, nameOf(id, 0))
      from = nameOf(id, of)
    }
    await this.expectNothing(from, tallyName)
  }

  private async expectNothing(from: Uint8Array, to: Uint8Array): Promise<void> {
    for await (const _ of this.reader.entries({ from, to, limit: 1 })) {
      throw this.damaged('it has an entry that nobody wrote')
    }
  }

  private found(operator: string, names: PackedRows, values: readonly (Uint8Array | undefined)[]): readonly ColdRows[] {
    const entries = decodeEntries(names, values)
    if (entries === null) throw this.damaged(`an entry of operator "${operator}" is not what was written`)
    return entries.map(({ form, ...each }) => ({ ...each, forms: this.formsFrom(operator, form) }))
  }

  private formsFrom(operator: string, number: number): readonly StateForm[] {
    const written = this.tally.formsOf(operator)
    const known = this.forms.get(operator) ?? []
    const forms = known.length === written.length ? known : written.map(formFromJson)
    this.forms.set(operator, forms)
    if (number < forms.length) return forms.slice(number)
    throw this.damaged(`nobody knows the columns of an entry of operator "${operator}"`)
  }

  private damaged(why: string): StateError {
    return damagedBeyond(this.path, why)
  }

  private idOf(operator: string): number {
    const id = this.operatorIds.get(operator) ?? operatorId(operator)
    this.operatorIds.set(operator, id)
    return id
  }
}

/** The least name behind all that begin with this one. */
function behindAll(name: Uint8Array): Uint8Array {
  let end = name.length
  while (end > 0 && name[end - 1] === 255) end -= 1
  const next = name.slice(0, end)
  next[end - 1] = (next[end - 1] ?? 0) + 1
  return next
}

/** The least name behind this one. */
const behind = (name: Uint8Array): Uint8Array => Uint8Array.from([...name, 0])

/** Some at once. */
async function* pagesOf(
  reader: KeyReader,
  range: { readonly from: Uint8Array; readonly to: Uint8Array },
): AsyncIterable<{ readonly names: readonly Uint8Array[]; readonly values: readonly Uint8Array[] }> {
  let [names, values]: [Uint8Array[], Uint8Array[]] = [[], []]
  for await (const { key, value } of reader.entries(range)) {
    names.push(key)
    values.push(value)
    if (names.length < entriesAtOnce) continue
    yield { names, values }
    ;[names, values] = [[], []]
  }
  if (names.length > 0) yield { names, values }
}

/** By row. */
function sumsOf(found: readonly ColdRows[], rows: number): Uint32Array {
  const sums = new Uint32Array(rows)
  for (const each of found) each.at.forEach((row, i) => (sums[row] = each.sums[i] ?? 0))
  return sums
}

function* inTurn<T>(all: readonly Iterable<T>[]): Iterable<T> {
  for (const each of all) yield* each
}
