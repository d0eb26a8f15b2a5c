/** The lists and maps of one operator: what goes out with a call of them, and what comes back. */
import {
  type Batch,
  type Column,
  type Loan,
  type Memory,
  bitAt,
  columnNamed,
  joinLoans,
  setBit,
} from '../batch/index.js'
import { invariant } from '../base/index.js'
import { type StateForm } from './block-schema.js'
import { type Reach } from './cold.js'
import { type ColdLack } from './cold-part.js'
import { type ColdSide } from './cold-side.js'
import { type Schema } from '../schema/index.js'
import { type DeclaredState, declaredState, listsChanged, listsSent, mapsChanged, mapsSent } from './declared.js'
import { EntryState, type EntryStateOptions } from './entry-state.js'
import { type StateClock, valuesStored } from './expiry.js'
import { type KeySlots } from './key-index.js'
import { type GatheredColumn, ListTable } from './list-table.js'
import { MapTable } from './map-table.js'
import { slotsWithBit } from './slots.js'

/** The schemas of LIST and MAP tables, out and back; one without fields does not travel. */
export interface CollectionSchemas {
  readonly lists: Schema
  readonly maps: Schema
  readonly listsBack: Schema
  readonly mapsBack: Schema
}

export const collectionSchemas = (declared: DeclaredState): CollectionSchemas => ({
  lists: listsSent(declared),
  maps: mapsSent(declared),
  listsBack: listsChanged(declared),
  mapsBack: mapsChanged(declared),
})

/** Rows of a call, from which maps learn which entries are named; null for a call over whole keys. */
export interface NamingRows {
  readonly batch: Batch
  /** int32[n]: which key each row has. */
  readonly index: Int32Array
}

/** What a reply says of lists and maps; null where it says nothing. */
export interface CollectionChanges {
  readonly lists: Batch | null
  readonly maps: Batch | null
}

/** Of a map whose entries rows name: a key with fewer is wholly known, and nothing more is read for it. */
const someEntries = 64

/** What the store calls a list or map of an operator. */
const collectionId = (operator: string, name: string): string => `${operator}/${name}`

/** What the store has of an operator: its values by its id, and each list and map by its own. */
export function storedIds(operator: string, state: Schema): readonly string[] {
  const { lists, maps } = declaredState(state)
  return [operator, ...[...lists, ...maps].map(({ name }) => collectionId(operator, name))]
}

/** The state columns of which this is stored, by the names that they had. */
export function storedNames({
  operator,
  form,
}: {
  readonly operator: string
  readonly form: StateForm
}): readonly string[] {
  const [, name] = operator.split('/')
  return name === undefined ? valuesStored(form.state) : [name]
}

export class Collections {
  readonly schemas: CollectionSchemas
  readonly lists: readonly ListTable[]
  readonly maps: readonly MapTable[]

  /** @param before has some of them, declared the same: they stay as they are */
  constructor(
    declared: DeclaredState,
    options: { readonly clock: StateClock; readonly plain?: boolean; readonly before?: Collections | undefined },
  ) {
    const { before, ...rest } = options
    this.schemas = collectionSchemas(declared)
    this.lists = declared.lists.map(field => named(before?.lists, field) ?? new ListTable(field, rest))
    this.maps = declared.maps.map(field => named(before?.maps, field) ?? new MapTable(field, rest))
  }

  /** null where the schema declares neither a list nor a map. `before`: as for `new`. */
  static of(schema: Schema, clock: StateClock, before?: Collections): Collections | null {
    const declared = declaredState(schema)
    return declared.lists.length + declared.maps.length === 0 ? null : new Collections(declared, { clock, before })
  }

  /** The lists and maps as the epochs see them, for the operator with this id. `cold`: they may be larger than memory. */
  states(
    operator: string,
    owner: EntryStateOptions['owner'],
    {
      index,
      cold,
      entriesAtFirst = someEntries,
    }: {
      readonly index: KeySlots
      readonly cold: ColdSide | null
      readonly entriesAtFirst?: number | undefined
    },
  ): readonly EntryState[] {
    const of = (name: string): string => collectionId(operator, name)
    const lists = this.lists.map(list => {
      const { field, entries } = list
      const restored = (keys: Column): void => list.restored(keys)
      const options = { operator: of(field.name), owner, index, entries, restored }
      // One that is read travels whole with each call of its key.
      return { options, reach: field.keep.reads ? 'all' : 'last' } as const
    })
    const maps = this.maps.map(({ field, entries }) => {
      const reach: Reach = field.keep.entries === 'all' ? 'all' : entriesAtFirst
      return { options: { operator: of(field.name), owner, index, entries }, reach }
    })
    return [...lists, ...maps].map(({ options, reach }) =>
      cold === null ? new EntryState(options) : cold.collection(options, reach).state,
    )
  }

  get bytes(): number {
    return [...this.lists, ...this.maps].reduce((sum, table) => sum + table.entries.bytes, 0)
  }

  /** What is sent of these keys; with `rows` null all that the transform may read. */
  gather(
    uniq: Int32Array,
    rows: NamingRows | null,
    memory?: Memory,
  ): { readonly lists: Batch; readonly maps: Batch; readonly loan: Loan | undefined } {
    const lists = this.lists.filter(list => list.field.keep.reads).map(list => list.gather(uniq, rows !== null, memory))
    const maps = this.maps.map(map => gatherMap(map, uniq, rows, memory))
    const batch = (schema: Schema, parts: readonly GatheredColumn[]): Batch => ({
      schema,
      rows: uniq.length,
      columns: parts.map(part => part.column),
    })
    const loan = [...lists, ...maps].reduce<Loan | undefined>((joined, part) => joinLoans(joined, part.loan), undefined)
    return { lists: batch(this.schemas.lists, lists), maps: batch(this.schemas.maps, maps), loan }
  }

  /** Of these keys, some of which have no values (a bitmap), those that have no entry either. */
  withoutEntries(uniq: Int32Array, isNew: Uint8Array): Uint8Array {
    if (isNew.every(byte => byte === 0)) return isNew
    const tables = [...this.lists, ...this.maps]
    const left = new Uint8Array(isNew.length)
    uniq.forEach((slot, i) => {
      if (bitAt(isNew, i) === 1 && !tables.some(({ entries }) => entries.hasLiving(slot))) setBit(left, i)
    })
    return left
  }

  /** Whether the key has an entry, which may have expired. */
  has(slot: number): boolean {
    return [...this.lists, ...this.maps].some(({ entries }) => entries.has(slot))
  }

  /** What has expired of the next few entries goes. */
  sweep(): void {
    for (const { entries } of [...this.lists, ...this.maps]) entries.sweep()
  }

  /** Something changed since the last cut. */
  get isDirty(): boolean {
    const isDirty = ({ entries }: ListTable | MapTable): boolean => entries.table.dirtyRows > 0
    return this.lists.some(isDirty) || this.maps.some(isDirty)
  }

  /** Of these keys, which may come again, those of which a map is partly known. */
  partlyOf(slots: Int32Array): Int32Array {
    return Int32Array.from(new Set(this.maps.flatMap(({ entries }) => [...entries.partlyOf(slots)])))
  }

  /** All that maps of the operator with this id have of these keys, where it is not known. */
  lacksAll(operator: string, slots: Int32Array): readonly ColdLack[] {
    return this.maps.map(({ field, entries }) => ({
      operator: collectionId(operator, field.name),
      slots: entries.partlyOf(slots),
      named: null,
    }))
  }

  /** The entries that rows name and nobody knows. @param slots of the key of each row */
  lacksNamed(operator: string, slots: Int32Array, rows: Batch): readonly ColdLack[] {
    return this.maps.map(({ field, entries }) => {
      const names = field.keep.entries === 'all' ? undefined : columnNamed(rows, field.keep.entries)
      const named = names === undefined ? null : entries.unknown(slots, names)
      return { operator: collectionId(operator, field.name), slots: new Int32Array(0), named }
    })
  }

  /** What a reply changes and nobody knows: lists and maps that it empties, entries that it removes or sets. */
  lacksOfReply(
    operator: string,
    uniq: Int32Array,
    { lists, maps }: CollectionChanges,
    clear: Uint8Array | null,
  ): readonly ColdLack[] {
    const gone = cleared(uniq, clear)
    const emptied = [[this.lists, lists] as const, [this.maps, maps] as const].flatMap(([tables, changes]) =>
      tables.map(({ field, entries }, i) => {
        const [bits] = changes?.columns[i]?.children ?? []
        const all = bits === undefined ? gone : Int32Array.from([...gone, ...slotsWithBit(uniq, bits)])
        return { operator: collectionId(operator, field.name), slots: entries.partlyOf(all), named: null }
      }),
    )
    const changed = this.maps.flatMap((map, i) => {
      const change = maps?.columns[i]
      return (change === undefined ? [] : map.changed(uniq, change)).map(({ owners, keys }) => {
        const named = map.entries.unknown(owners, keys)
        return { operator: collectionId(operator, map.field.name), slots: new Int32Array(0), named }
      })
    })
    return [...emptied, ...changed]
  }

  /** A key that `clear` names (a bitmap) loses all; then what the reply says is done. */
  apply(uniq: Int32Array, { lists, maps }: CollectionChanges, clear: Uint8Array | null): void {
    const gone = cleared(uniq, clear)
    for (const [tables, changes] of [[this.lists, lists] as const, [this.maps, maps] as const])
      tables.forEach((table, i) => {
        const change = changes?.columns[i]
        if (gone.length > 0) table.entries.clear(gone)
        if (change !== undefined) table.apply(uniq, change)
      })
  }
}

const named = <T extends ListTable | MapTable>(tables: readonly T[] | undefined, { name }: T['field']): T | undefined =>
  tables?.find(({ field }) => field.name === name)

const cleared = (uniq: Int32Array, clear: Uint8Array | null): Int32Array =>
  clear === null ? new Int32Array(0) : uniq.filter((_, i) => bitAt(clear, i) === 1)

function gatherMap(map: MapTable, uniq: Int32Array, rows: NamingRows | null, memory?: Memory): GatheredColumn {
  const { entries } = map.field.keep
  if (entries === 'all' || rows === null) return map.gatherAll(uniq, rows !== null, memory)
  const names: Column | undefined = columnNamed(rows.batch, entries)
  invariant(names !== undefined, 'the plan ships the column that names entries')
  return map.gatherNamed(uniq, rows.index, names, memory)
}
