/**
 * Cold arrivals: what the cold side of a stage asks for of keys that came into memory, and where the answer goes. Who asks waits
 * until it is there, so nothing of such a key is used before.
 */
import { type AsStored } from './as-stored.js'
import { type ColdAnswer, type ColdKeys, type CollectionQuestion } from './cold.js'
import { type ColdCollection } from './cold-collection.js'
import { type ColdAsk, type ColdLack, type ColdPart } from './cold-part.js'
import { type KeyIndex } from './key-index.js'
import { type Residence } from './residence.js'

interface Arriving {
  readonly index: KeyIndex
  readonly residence: Residence
  readonly asStored: AsStored
  readonly parts: readonly ColdPart[]
  readonly collections: readonly ColdCollection[]
}

export class ColdArrivals {
  private readonly restored: { readonly part: number; readonly slots: Int32Array }[] = []

  constructor(private readonly of: Arriving) {}

  /** Of keys of which nothing is known: what rows may need of them. @param whole a list or map of which all is needed */
  ask(slots: Int32Array, whole: string | null): ColdAsk {
    const sorted = this.of.index.byPlace(slots)
    const collections = this.of.collections.map(({ operator, reach }): CollectionQuestion => {
      return { operator, reach: operator === whole ? 'all' : reach }
    })
    return this.asked(sorted, collections)
  }

  private asked(slots: Int32Array, collections: readonly CollectionQuestion[]): ColdAsk {
    const operators = this.of.parts.map(({ state }) => state.operator)
    return { slots, question: { operators, collections, ...this.keysOf(slots) }, isNew: true }
  }

  /** Of keys that are in memory: what they lack. null: nothing. */
  askMore(lacks: readonly ColdLack[]): ColdAsk | null {
    const { index, residence } = this.of
    const slots = index.byPlace(Int32Array.from(new Set(lacks.flatMap(lack => [...lack.slots]))))
    if (slots.length === 0) return null
    residence.use(slots)
    const collections = lacks.map(({ operator }) => ({ operator, reach: 'all' }) as const)
    return { slots, question: { operators: [], collections, ...this.keysOf(slots) }, isNew: false }
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
    ask.question.collections.forEach(({ operator }, i) => {
      const collection = this.of.collections.find(each => each.operator === operator)
      const of = answer.items[i]
      if (of !== undefined) collection?.load(ask, of)
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

  /** A block of an operator, list or map brought these keys. */
  restoredBy(part: number, slots: Int32Array): void {
    this.restored.push({ part, slots })
  }

  /**
   * Keys that blocks of one operator brought, and of which something may lie beyond memory: asked for now, since entries come
   * and go while a start reads blocks. Of lists and maps all is read: what blocks brought of them may lie there too.
   */
  askRestored(): (ColdAsk & { readonly part: number }) | null {
    const next = this.restored.shift()
    if (next === undefined) return null
    const collections = this.of.collections.map(({ operator }) => ({ operator, reach: 'all' }) as const)
    return { ...this.asked(next.slots, collections), part: next.part }
  }
}
