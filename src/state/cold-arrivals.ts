/**
 * Cold arrivals: what the cold side of a stage asks for of keys that came into memory, and where the answer goes. Who asks waits
 * until it is there, so nothing of such a key is used before.
 */
import { type ColdAnswer, type ColdKeys, type ColdRows, type CollectionQuestion } from './cold.js'
import { type ColdCollection } from './cold-collection.js'
import { type ColdAsk, type ColdExpired, type ColdLack, type ColdPart } from './cold-part.js'
import { type KeyIndex } from './key-index.js'
import { packedOf } from './packed.js'
import { type Residence } from './residence.js'

interface Arriving {
  readonly index: KeyIndex
  readonly residence: Residence
  readonly parts: readonly ColdPart[]
  readonly collections: readonly ColdCollection[]
}

export class ColdArrivals {
  constructor(private readonly of: Arriving) {}

  /**
   * What the rows of keys need mostly.
   *
   * @param fresh nothing of them is known
   * @param unread a start brought them
   */
  ask(fresh: Int32Array, unread: Int32Array): ColdAsk {
    const { index, parts } = this.of
    const slots = index.byPlace(unread.length === 0 ? fresh : distinct([fresh, unread]))
    const operators = parts.map(({ state }) => state.operator)
    const collections = this.of.collections.map(({ operator, reach }): CollectionQuestion => {
      return { operator, reach, named: null }
    })
    const known = parts.map((_, part) => this.knownOf(part, unread))
    return { slots, question: { operators, collections, ...this.keysOf(slots) }, known, staying: slots, named: [] }
  }

  /** Those of these keys of whose values blocks said something, also that they are gone, where an entry of them lies beyond memory. */
  private knownOf(part: number, slots: Int32Array): ReadonlySet<number> {
    return slots.length === 0 ? nobody : new Set(slots.filter(slot => this.of.residence.sumOf(part, slot) !== 0))
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
    return { slots, question, known: [], staying, named: lacks.map(({ named }) => named) }
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
    return this.of.index.placesOf(slots)
  }

  /** What was asked for. */
  loaded(ask: ColdAsk, answer: ColdAnswer): void {
    const { slots, question, known } = ask
    this.arrived(slots)
    known.forEach((of, part) => {
      for (const rows of answer.values[part] ?? []) this.valuesLoaded(part, slots, without(rows, slots, of))
    })
    const isMore = question.operators.length === 0
    question.collections.forEach(({ operator, reach }, i) => {
      const of = answer.items[i]
      if (of !== undefined) this.named(operator)?.load({ slots, isMore, reach, named: ask.named[i] ?? null }, of)
    })
  }

  private arrived(slots: Int32Array): void {
    const { residence } = this.of
    for (const slot of slots) {
      if (!residence.is(slot, 'loading')) continue
      residence.mark(slot, 'loading', false)
      residence.mark(slot, 'same', true)
    }
  }

  private valuesLoaded(part: number, slots: Int32Array, { forms, at, sums, rows }: ColdRows): void {
    const found = at.map(i => slots[i] ?? 0)
    this.of.residence.noteSums(part, found, sums)
    this.of.parts[part]?.state.load(found, forms, rows)
  }
}

const nobody: ReadonlySet<number> = new Set()

const distinct = (lists: readonly Int32Array[]): Int32Array =>
  Int32Array.from(new Set(lists.flatMap(list => [...list])))

/** Those of the rows that are not of these slots. */
function without(found: ColdRows, slots: Int32Array, known: ReadonlySet<number>): ColdRows {
  if (known.size === 0) return found
  const { at, epochs, sums, rows } = found
  const left = Int32Array.from(at.keys()).filter(i => !known.has(slots[at[i] ?? 0] ?? 0))
  return {
    ...found,
    at: left.map(i => at[i] ?? 0),
    epochs: Float64Array.from(left, i => epochs[i] ?? 0),
    sums: Uint32Array.from(left, i => sums[i] ?? 0),
    rows: packedOf(rows, left),
  }
}
