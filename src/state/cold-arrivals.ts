/**
 * Cold arrivals: what the cold side of a stage asks for of keys that came into memory, and where the answer goes. Who asks waits
 * until it is there, so nothing of such a key is used before.
 */
import { type AsStored } from './as-stored.js'
import { type ColdAnswer, type ColdKeys, type CollectionQuestion, type Reach } from './cold.js'
import { type ColdCollection } from './cold-collection.js'
import { type ColdAsk, type ColdExpired, type ColdLack, type ColdPart } from './cold-part.js'
import { type KeyIndex } from './key-index.js'
import { type Residence } from './residence.js'

/** Keys whose state is read at once where a start brought them. */
const keysAtOnce = 4_096

interface Arriving {
  readonly index: KeyIndex
  readonly residence: Residence
  readonly asStored: AsStored
  readonly parts: readonly ColdPart[]
  readonly collections: readonly ColdCollection[]
}

export class ColdArrivals {
  /** Keys that blocks of one operator, list or map brought, and of which nothing else is known; then those by their place. */
  private readonly restored: { part: number; readonly slots: Int32Array[]; placed: Int32Array } = {
    part: 0,
    slots: [],
    placed: new Int32Array(0),
  }

  constructor(private readonly of: Arriving) {}

  /** Of keys of which nothing is known: what their rows need mostly. */
  ask(slots: Int32Array): ColdAsk {
    return this.asked(this.of.index.byPlace(slots), ({ reach }) => reach)
  }

  private asked(slots: Int32Array, reachOf: (collection: ColdCollection) => Reach): ColdAsk {
    const operators = this.of.parts.map(({ state }) => state.operator)
    const collections = this.of.collections.map((each): CollectionQuestion => {
      return { operator: each.operator, reach: reachOf(each), named: null }
    })
    const question = { operators, collections, ...this.keysOf(slots) }
    return { slots, question, isNew: true, staying: slots, named: [] }
  }

  /** Of keys that are in memory: what they lack. null: nothing. */
  askMore(all: readonly ColdLack[]): ColdAsk | null {
    const lacks = all.filter(({ slots, named }) => slots.length > 0 || named !== null)
    if (lacks.length === 0) return null
    const { index, residence } = this.of
    const slots = index.byPlace(distinct(lacks.map(lack => lack.slots)))
    const staying = distinct([slots, ...lacks.flatMap(({ named }) => named?.owners ?? [])])
    residence.use(staying)
    const collections = lacks.map(({ operator, slots: whole, named }): CollectionQuestion => {
      const keys = named === null ? null : (this.named(operator)?.keysOf(named) ?? null)
      return { operator, reach: whole.length > 0 ? 'all' : 'none', named: keys }
    })
    const question = { operators: [], collections, ...this.keysOf(slots) }
    return { slots, question, isNew: false, staying, named: lacks.map(({ named }) => named) }
  }

  private named(operator: string): ColdCollection | undefined {
    return this.of.collections.find(each => each.operator === operator)
  }

  /** What of that which has expired beyond memory is not known. */
  lacksOf({ operator, slots, keys }: ColdExpired): readonly ColdLack[] {
    const named = keys === null ? null : (this.named(operator)?.unknown(slots, keys) ?? null)
    return [{ operator, slots: new Int32Array(0), named }]
  }

  /** As they lie beyond memory. */
  keysOf(slots: Int32Array): ColdKeys {
    const { index } = this.of
    return { groups: Uint16Array.from(slots, slot => index.groupOf[slot] ?? 0), keys: index.packedKeys(slots) }
  }

  /**
   * What was asked for.
   *
   * @param newer an operator that has newer state of all of them.
   */
  loaded(ask: ColdAsk, answer: ColdAnswer, newer: number | null): void {
    if (ask.isNew) this.valuesLoaded(ask.slots, answer, newer)
    const { slots, isNew } = ask
    ask.question.collections.forEach(({ operator, reach }, i) => {
      const of = answer.items[i]
      if (of !== undefined) this.named(operator)?.load({ slots, isNew, reach, named: ask.named[i] ?? null }, of)
    })
  }

  private valuesLoaded(slots: Int32Array, answer: ColdAnswer, newer: number | null): void {
    const { residence, parts, asStored } = this.of
    for (const slot of slots) {
      residence.mark(slot, 'loading', false)
      residence.mark(slot, 'same', newer === null)
    }
    parts.forEach(({ state }, part) => {
      for (const { forms, at, sums, rows } of answer.values[part] ?? []) {
        const found = at.map(i => slots[i] ?? 0)
        residence.noteSums(part, found, sums)
        if (part === newer) continue
        state.load(found, forms, rows)
        if (newer !== null) asStored.note(part, found)
      }
    })
  }

  /** A block of an operator, list or map brought these keys, of which something may lie beyond memory. */
  restoredBy(part: number, slots: Int32Array): void {
    this.restored.part = part
    this.restored.slots.push(slots)
  }

  /**
   * Some of those keys, by their place: what lies there of many is read in one go. They do not leave before. Of lists and maps all is
   * read: what blocks brought of them may lie there too.
   */
  askRestored(): (ColdAsk & { readonly part: number }) | null {
    const { restored } = this
    if (restored.placed.length === 0) restored.placed = this.of.index.byPlace(distinct(restored.slots.splice(0)))
    const some = restored.placed.subarray(0, keysAtOnce)
    if (some.length === 0) return null
    restored.placed = restored.placed.subarray(keysAtOnce)
    return { ...this.asked(some, () => 'all'), part: restored.part }
  }
}

const distinct = (lists: readonly Int32Array[]): Int32Array =>
  Int32Array.from(new Set(lists.flatMap(list => [...list])))
