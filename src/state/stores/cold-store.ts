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
import { bitmapBytes } from '../../batch/index.js'
import { type StateForm, declaredToJson, formFromJson, isOfEntries } from '../block-schema.js'
import {
  type CollectionAnswer,
  type CollectionQuestion,
  type ColdChanges,
  type ColdEntries,
  type ColdHeads,
  type ColdKeys,
  type ColdPage,
  type ColdPlace,
  type ColdRows,
} from '../cold.js'
import { KeyDigest } from '../key-digest.js'
import { type PackedRows, slicedRows, viewsOf } from '../packed.js'
import {
  type Naming,
  decodeEntries,
  decodeHeads,
  encodeEntries,
  keysIn,
  nameOf,
  namesOf,
  operatorId,
} from './cold-entries.js'
import { type ItemsPlace, readReach } from './cold-items.js'
import { ColdTally } from './cold-tally.js'
import { Generations, operatorNamed } from './generations.js'
import { type KeyReader, type KeyValue } from './key-value.js'
import { damagedBeyond } from './open-place.js'
import { type GroupRange } from './snapshot.js'

const entriesAtOnce = 4_096
/** A database gives each value as an object of its own, ten times as large as what is in it. */
const readAtOnce = 1_024
const tallyName = new Uint8Array(6).fill(255)

/** The entries as they were at one moment. */
export type ColdReader = Pick<ColdStore, 'operators' | 'rowsOf' | 'readHeads' | 'entries' | 'close' | 'groupsFrom'>

/** Told names and what stands under them: those from a number on of the keys that were asked for. */
type EachRead = (name: string, names: PackedRows, values: readonly (Uint8Array | undefined)[], from: number) => void

export class ColdStore {
  /** Names and values of entries, so far. */
  bytesWritten = 0
  private tally = new ColdTally()
  private readonly operatorIds = new Map<string, number>()
  private readonly forms = new Map<string, readonly StateForm[]>()

  private constructor(
    private kv: KeyValue,
    private readonly path: string,
    private readonly generations: Generations,
    private reader: KeyReader = kv,
  ) {}

  /**
   * Believes that the database has what was written until some write, which is what its place looks for. Whoever reads entries
   * looks at each of them.
   *
   * @param writes as many writes as are known to have been made.
   * @param generations of the entries that are read and written.
   * @throws StateError ANB6010 where it has seen fewer, or has entries that nobody wrote, ANB6014 where another version wrote it
   */
  static async open(
    kv: KeyValue,
    path: string,
    { writes, generations = new Generations() }: { readonly writes: number; readonly generations?: Generations },
  ): Promise<ColdStore> {
    const store = new ColdStore(kv, path, generations)
    const written = await kv.get(tallyName)
    const tally = written === undefined ? new ColdTally() : ColdTally.decode(written, path)
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
    return [...new Set(this.tally.operators.map(operatorNamed))].filter(operator => this.rowsOf(operator) > 0)
  }

  /** Entries of an operator. */
  rowsOf(operator: string): number {
    return this.keysOf(operator)?.total ?? 0
  }

  /** The keys of those entries; null: there never were any. */
  keysOf(operator: string): KeyDigest | null {
    return this.tally.keysOf(this.generations.nameOf(operator))
  }

  /** What these keys have here, by form. */
  async read(operator: string, keys: ColdKeys): Promise<readonly ColdRows[]> {
    const found: ColdRows[] = []
    await this.readSome(operator, keys, (name, names, values, from) => {
      found.push(...this.found(name, names, values).map(each => ({ ...each, at: each.at.map(i => from + i) })))
    })
    return found
  }

  /** As `read`, without the state. */
  async readHeads(operator: string, keys: ColdKeys): Promise<ColdHeads> {
    const most = keys.groups.length
    const [at, sums, epochs] = [new Int32Array(most), new Uint32Array(most), new Float64Array(most)]
    let count = 0
    await this.readSome(operator, keys, (name, names, values, from) => {
      const heads = decodeHeads(names, values) ?? this.refuseEntry(name)
      for (let i = 0; i < heads.at.length; i++, count++) {
        at[count] = from + (heads.at[i] ?? 0)
        sums[count] = heads.sums[i] ?? 0
        epochs[count] = heads.epochs[i] ?? 0
      }
    })
    return { at: at.subarray(0, count), sums: sums.subarray(0, count), epochs: epochs.subarray(0, count) }
  }

  private async readSome(operator: string, keys: ColdKeys, each: EachRead): Promise<void> {
    if (keys.groups.length === 0 || this.rowsOf(operator) === 0) return
    const name = this.generations.nameOf(operator)
    const names = namesOf(this.namingOf(name), keys)
    for (let from = 0; from < names.ends.length; from += readAtOnce) {
      const some = slicedRows(names, from, from + readAtOnce)
      each(name, some, await this.reader.getMany(viewsOf(some)), from)
    }
  }

  /** What is asked for of a list or map of these keys, by form. */
  async readItems({ operator, reach, named }: CollectionQuestion, keys: ColdKeys): Promise<CollectionAnswer> {
    if (this.rowsOf(operator) === 0) return { found: [], more: new Int32Array(0), named: [] }
    const name = this.generations.nameOf(operator)
    const place: ItemsPlace = {
      reader: this.reader,
      naming: this.namingOf(name),
      itemsIn: group => this.tally.keysOf(name)?.keys[group] ?? 0,
      found: (names, values) => this.found(name, names, values),
    }
    const byName = named === null ? [] : this.read(operator, named)
    const [byReach, found] = await Promise.all([readReach(place, keys, reach), byName])
    return { ...byReach, named: found }
  }

  /**
   * Writes entries, all or none. After an error nobody knows which: the same changes may be written again through another
   * handle (`useHandle`), and nothing else before them.
   *
   * @returns for each of the changes the sums of its entries; 0 where one goes.
   */
  write(changes: readonly ColdChanges[]): Promise<readonly Uint32Array[]> {
    return this.writeNamed(changes.map(each => ({ ...each, operator: this.generations.nameOf(each.operator) })))
  }

  /** All entries of an operator are made anew: those that are written from now on lie beside those that are there. */
  makeAnew(operator: string): void {
    this.generations.begin(operator, this.tally.operators)
  }

  /** No entry of an operator counts any more, once a record says so. */
  drop(operator: string): void {
    if (this.rowsOf(operator) > 0) this.makeAnew(operator)
  }

  /** It has entries that do not count any more. */
  get hasStale(): boolean {
    return this.staleName !== undefined
  }

  private get staleName(): string | undefined {
    return this.tally.operators.find(name => !this.generations.keeps(name))
  }

  /** Some of them, as what takes them out, for `writeNamed`; null: there are none. */
  async stale(): Promise<ColdChanges | null> {
    const name = this.staleName
    const form = name === undefined ? undefined : this.tally.formsOf(name).at(-1)
    if (name === undefined || form === undefined) return null
    const { groups, keys, found } = await this.pageOf(name, {
      groups: this.allOf(name),
      from: null,
      entriesMax: readAtOnce,
    })
    const before = sumsOf(found, groups.length)
    const rows = { bytes: new Uint8Array(0), ends: new Uint32Array(groups.length) }
    const gone = new Uint8Array(bitmapBytes(groups.length)).fill(255)
    return { operator: name, form: formFromJson(form), epoch: 0, groups, keys, rows, gone, before }
  }

  /** As `write`, by the names under which they stand. What is left of stale ones then is nothing. */
  async writeNamed(changes: readonly ColdChanges[]): Promise<readonly Uint32Array[]> {
    const tally = this.tally.copy()
    tally.writes += 1
    const written = changes.map(each => {
      const name = each.operator
      const naming = { id: this.idOf(name), turned: endsWithNumber(name, each.form) }
      const entries = encodeEntries(naming, each, tally.learn(name, declaredToJson(each.form)))
      tally.count(name, each, each.before, entries.sums)
      if (!this.generations.keeps(name) && tally.keysOf(name)?.total === 0) tally.forget(name)
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
  async *entries(
    operator: string,
    groups: GroupRange = this.allOf(this.generations.nameOf(operator)),
  ): AsyncIterable<ColdEntries> {
    const name = this.generations.nameOf(operator)
    const naming = this.namingOf(name)
    const { id } = naming
    const last = Math.min(groups.last, this.allOf(name).last)
    const seen = this.tally.none(name)
    for await (const { names, values } of pagesOf(this.reader, {
      from: nameOf(id, groups.first),
      to: nameOf(id, last + 1),
    })) {
      const keys = keysIn(naming, names)
      const found = this.found(name, namesOf(naming, keys), values)
      seen.count(name, keys, new Uint32Array(names.length), sumsOf(found, names.length))
      yield { ...keys, found }
    }
    const other = this.tally.difference(name, { first: groups.first, last }, seen)
    if (other !== null)
      throw this.damaged(`key group ${other} of operator "${operator}" has other entries than were written`)
  }

  private allOf(name: string): GroupRange {
    return { first: 0, last: this.tally.groupsOf(name) - 1 }
  }

  /** Key groups from one on that have so many entries, or are the last ones; null: there are none. */
  groupsFrom(operator: string, first: number, entriesMin: number): GroupRange | null {
    const { keys } = this.keysOf(operator) ?? new KeyDigest(0)
    if (first >= keys.length) return null
    let last = first
    for (let entries = keys[first] ?? 0; entries < entriesMin && last + 1 < keys.length; entries += keys[last] ?? 0)
      last += 1
    return { first, last }
  }

  /** Some entries of an operator, by key group and key. */
  page(place: ColdPlace): Promise<ColdPage> {
    return this.pageOf(this.generations.nameOf(place.operator), place)
  }

  private async pageOf(name: string, { groups, from, entriesMax }: Omit<ColdPlace, 'operator'>): Promise<ColdPage> {
    const naming = this.namingOf(name)
    const { id } = naming
    const range = { from: from ?? nameOf(id, groups.first), to: nameOf(id, groups.last + 1), limit: entriesMax }
    const [keysOf, values]: [Uint8Array[], Uint8Array[]] = [[], []]
    for await (const { key, value } of this.reader.entries(range)) {
      keysOf.push(key)
      values.push(value)
    }
    const keys = keysIn(naming, keysOf)
    const last = keysOf.length < entriesMax ? undefined : keysOf.at(-1)
    return { ...keys, found: this.found(name, namesOf(naming, keys), values), next: last ? behind(last) : null }
  }

  /** What the newest record counts on, to be read while others are written. */
  snapshot(): ColdReader {
    const view = new ColdStore(this.kv, this.path, this.generations.recorded(), this.kv.snapshot())
    view.tally = this.tally
    return view
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  /** Nothing lies between the key groups of operators. */
  private async expectNoOthers(): Promise<void> {
    const ids = this.tally.operators.map(name => ({ id: this.idOf(name), of: this.tally.groupsOf(name) }))
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

  /** @param of the name of the operator's entries */
  private found(of: string, names: PackedRows, values: readonly (Uint8Array | undefined)[]): readonly ColdRows[] {
    const entries = decodeEntries(names, values) ?? this.refuseEntry(of)
    return entries.map(({ form, ...each }) => ({ ...each, forms: this.formsFrom(of, form) }))
  }

  private refuseEntry(name: string): never {
    throw this.damaged(`an entry of operator "${operatorNamed(name)}" is not what was written`)
  }

  private formsOf(name: string): readonly StateForm[] {
    const written = this.tally.formsOf(name)
    const known = this.forms.get(name) ?? []
    const forms = known.length === written.length ? known : written.map(formFromJson)
    this.forms.set(name, forms)
    return forms
  }

  private formsFrom(name: string, number: number): readonly StateForm[] {
    const forms = this.formsOf(name)
    if (number < forms.length) return forms.slice(number)
    throw this.damaged(`nobody knows the columns of an entry of operator "${operatorNamed(name)}"`)
  }

  private damaged(why: string): StateError {
    return damagedBeyond(this.path, why)
  }

  private namingOf(name: string): Naming {
    const [form] = this.formsOf(name)
    return { id: this.idOf(name), turned: form !== undefined && endsWithNumber(name, form) }
  }

  private idOf(name: string): number {
    const id = this.operatorIds.get(name) ?? operatorId(name)
    this.operatorIds.set(name, id)
    return id
  }
}

const endsWithNumber = (name: string, { key }: StateForm): boolean =>
  isOfEntries(operatorNamed(name), key) && key.fields.at(-1)?.type.kind === 'int64'

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
