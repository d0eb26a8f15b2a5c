/**
 * Cold arrivals: what the cold side of a stage asks for of keys that came into memory, and where the answer goes. Who asks waits
 * until it is there, so nothing of such a key is used before.
 */
import { type AsStored } from './as-stored.js'
import { type ColdAnswer, type ColdKeys, type ColdQuestion } from './cold.js'
import { type ColdCollection } from './cold-collection.js'
import { type ColdAsk, type ColdPart } from './cold-part.js'
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

  /** What these keys have. */
  ask(slots: Int32Array): ColdAsk {
    const sorted = this.of.index.byPlace(slots)
    return { slots: sorted, question: this.question(sorted) }
  }

  private question(slots: Int32Array): ColdQuestion {
    const { parts, collections } = this.of
    return {
      operators: parts.map(({ state }) => state.operator),
      collections: collections.map(({ operator }) => operator),
      ...this.keysOf(slots),
    }
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
  loaded(slots: Int32Array, answer: ColdAnswer, newer: number | null): void {
    const { residence, parts, collections, asStored } = this.of
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
    collections.forEach((collection, i) => collection.load(slots, answer.items[i] ?? []))
  }

  /** A block of an operator, list or map brought these keys. */
  restoredBy(part: number, slots: Int32Array): void {
    this.restored.push({ part, slots })
  }

  /**
   * Keys that blocks of one operator brought, and of which something may lie beyond memory: asked for now, since entries come
   * and go while a start reads blocks.
   */
  askRestored(): (ColdAsk & { readonly part: number }) | null {
    const next = this.restored.shift()
    return next === undefined ? null : { ...next, question: this.question(next.slots) }
  }
}
