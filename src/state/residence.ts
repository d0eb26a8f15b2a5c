/**
 * Residence: what is known of each slot where state may be larger than memory. Some bits a slot, and for each operator the
 * sum of the entry that its key has beyond memory, 0 where it has none. What is being written is there: a block that is made
 * meanwhile has to say what became of it.
 */
const bit = {
  /** The slot has a key. */
  there: 1,
  /** It was used since the hand passed. */
  used: 2,
  /** What is stored of its key beyond memory is being read. */
  loading: 4,
  /** Its key is to leave memory, unless it is used before. */
  leaving: 8,
  /** What lies beyond memory is what memory has. */
  same: 16,
  /** A start brought its key: what blocks have of it is known, with the sums of the entries of that, and more may lie beyond memory. */
  unread: 32,
} as const

export type Mark = keyof typeof bit

const none = new Int32Array(0)

export class Residence {
  private flags = new Uint8Array(1024)
  private sums: Uint32Array[]
  private hand = 0
  private unread = 0

  constructor(private readonly operators: number) {
    this.sums = Array.from({ length: operators }, () => new Uint32Array(1024))
  }

  get bytes(): number {
    return this.flags.length * (1 + 4 * this.operators)
  }

  /** These slots have new keys. */
  arrive(slots: Int32Array, as: 'known' | 'loading' | 'unread'): void {
    // Of values of which nothing is known memory has what lies beyond it.
    const flags = bit.there | bit.used | { known: 0, loading: bit.loading, unread: bit.unread | bit.same }[as]
    if (as === 'unread') this.unread += slots.length
    for (const slot of slots) {
      if (slot >= this.flags.length) this.grow(slot)
      this.flags[slot] = flags
      for (const sums of this.sums) sums[slot] = 0
    }
  }

  leave(slots: Int32Array): void {
    this.takeUnread(slots)
    for (const slot of slots) this.flags[slot] = 0
  }

  /** Those of these slots of which more may lie beyond memory, each once: it is being read from now on, and they stay. */
  takeUnread(slots: Int32Array): Int32Array {
    if (this.unread === 0) return none
    const taken: number[] = []
    for (const slot of slots) {
      if (!this.is(slot, 'unread')) continue
      this.mark(slot, 'unread', false)
      taken.push(slot)
    }
    this.unread -= taken.length
    this.use(Int32Array.from(taken))
    return Int32Array.from(taken)
  }

  /** Rows of these keys came: they stay. */
  use(slots: Int32Array): void {
    const { flags } = this
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] ?? 0
      flags[slot] = ((flags[slot] ?? 0) | bit.used) & ~bit.leaving
    }
  }

  /** Nobody leaves. */
  stayAll(): void {
    for (let slot = 0; slot < this.flags.length; slot++) this.flags[slot] = (this.flags[slot] ?? 0) & ~bit.leaving
  }

  is(slot: number, mark: Mark): boolean {
    return ((this.flags[slot] ?? 0) & bit[mark]) !== 0
  }

  mark(slot: number, mark: Mark, on: boolean): void {
    const flags = this.flags[slot] ?? 0
    this.flags[slot] = on ? flags | bit[mark] : flags & ~bit[mark]
  }

  sumOf(operator: number, slot: number): number {
    return this.sums[operator]?.[slot] ?? 0
  }

  noteSums(operator: number, slots: Int32Array, each: Uint32Array): void {
    const sums = this.sums[operator]
    if (sums !== undefined) for (let i = 0; i < slots.length; i++) sums[slots[i] ?? 0] = each[i] ?? 0
  }

  /** Their entries are being written: until it is known with what sums, each is there. */
  expectSums(operator: number, slots: Int32Array): void {
    const sums = this.sums[operator]
    if (sums !== undefined) for (const slot of slots) if (sums[slot] === 0) sums[slot] = 1
  }

  /** Slots that are there and not being read. */
  known(slots: Int32Array): Int32Array {
    return slots.filter(slot => ((this.flags[slot] ?? 0) & (bit.there | bit.loading)) === bit.there)
  }

  /**
   * Second chance: marks up to `count` slots as leaving that were not used since the hand passed them before. Answers them.
   *
   * @param slots all there are.
   * @param stays those that may not leave now.
   */
  choose(count: number, slots: number, stays: (slot: number) => boolean): Int32Array {
    const chosen = new Int32Array(count)
    let found = 0
    const { flags } = this
    for (let looked = 0; looked < 2 * slots && found < count; looked++) {
      if (this.hand >= slots) this.hand = 0
      const slot = this.hand++
      const now = flags[slot] ?? 0
      if ((now & (bit.there | bit.loading | bit.leaving)) !== bit.there) continue
      if ((now & bit.used) !== 0) flags[slot] = now & ~bit.used
      else if (!stays(slot)) {
        flags[slot] = now | bit.leaving
        chosen[found++] = slot
      }
    }
    return chosen.subarray(0, found)
  }

  private grow(slot: number): void {
    const size = Math.max(Math.ceil(1.25 * this.flags.length), slot + 1)
    const flags = new Uint8Array(size)
    flags.set(this.flags)
    this.flags = flags
    this.sums = this.sums.map(sums => {
      const larger = new Uint32Array(size)
      larger.set(sums)
      return larger
    })
  }
}
