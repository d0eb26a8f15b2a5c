/** Numbers as LevelDB writes them, of bytes whose check sum is right. */
export class LevelBytes {
  constructor(
    private readonly bytes: Uint8Array,
    private at = 0,
  ) {}

  get isOver(): boolean {
    return this.at >= this.bytes.length
  }

  /** Seven bits a byte, the lowest first; NaN: nobody writes it with so many bytes. */
  varint(): number {
    let [value, place] = [0, 1]
    for (;;) {
      const byte = this.bytes[this.at] ?? 0
      this.at += 1
      value += (byte & 127) * place
      if (byte < 128) return byte === 0 && place > 1 ? Number.NaN : value
      place *= 128
    }
  }

  take(count: number): Uint8Array {
    const taken = this.bytes.subarray(this.at, this.at + count)
    this.at += count
    return taken
  }

  /** Behind its length. */
  text(): Uint8Array {
    return this.take(this.varint())
  }
}

/** Sums lie masked, since a sum over bytes with their sum behind them would always be the same. */
export const unmasked = (masked: number): number => {
  const turned = (masked - 0xa282ead8) >>> 0
  return ((turned >>> 17) | (turned << 15)) >>> 0
}

export const u32In = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
