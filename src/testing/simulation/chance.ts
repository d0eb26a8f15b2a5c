/**
 * Chance: all randomness of a simulation, from one seed. The generator is sfc32: four words of state, no number of
 * which is ever shared between two streams, so that drawing one more fault does not change the rows that are drawn.
 */
export class Chance {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number, stream = 0) {
    this.a = seed | 0
    this.b = Math.floor(seed / 2 ** 32) | 0
    this.c = stream | 0
    for (let i = 0; i < 15; i += 1) this.word()
  }

  private word(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0
    return t >>> 0
  }

  /** In [0, 1). */
  next(): number {
    return this.word() / 2 ** 32
  }
  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }
  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }
  happens(probability: number): boolean {
    return this.next() < probability
  }
  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0]
  }
  /** A rank in [0, ranks): low ranks are common, as keys of real streams are. */
  zipf(ranks: number): number {
    return Math.min(ranks - 1, Math.floor(ranks ** this.next()) - 1)
  }
}
