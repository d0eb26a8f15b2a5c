/** Cursor: values of Avro where they lie in a block. Whatever does not fit into the block is damage. */

/** The bytes are not what their schema says, so nothing behind them can be found. */
export class Damage extends Error {}

export class Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  /** What is wrong with the record that is read: its bytes are right, a value does not fit its column. */
  fault: string | null = null
  private view: DataView = new DataView(new ArrayBuffer(0))

  open(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.fault = null
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  /** Moves over `count` bytes and answers where they begin. */
  take(count: number): number {
    const from = this.at
    if (!(count >= 0 && count <= this.bytes.length - from))
      throw new Damage(`a value of ${count} bytes leads out of its block`)
    this.at = from + count
    return from
  }

  float(): number {
    return this.view.getFloat32(this.take(4), true)
  }

  double(): number {
    return this.view.getFloat64(this.take(8), true)
  }

  /** An int or long as long as a JavaScript number holds it exactly, else NaN; `at` is then where it was. */
  short(): number {
    const from = this.at
    let [raw, scale] = [0, 1]
    for (let i = 0; i < 7; i++) {
      const byte = this.bytes[from + i]
      if (byte === undefined) throw new Damage('a number leads out of its block')
      raw += (byte & 0x7f) * scale
      scale *= 128
      if (byte >= 0x80) continue
      this.at = from + i + 1
      return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    }
    return Number.NaN
  }

  long(): bigint {
    let raw = 0n
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.at + i]
      if (byte === undefined) throw new Damage('a number leads out of its block')
      raw |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte >= 0x80) continue
      this.at += i + 1
      if (raw >= 1n << 64n) break
      return (raw >> 1n) ^ -(raw & 1n)
    }
    throw new Damage('a number has more than 64 bits')
  }

  /** A length, a count or an index, which is never beyond 2^53 in a block that fits into memory. */
  size(): number {
    const size = this.short()
    if (Number.isNaN(size)) throw new Damage('a length is beyond all blocks')
    return size
  }

  /** Bytes or a string: moves behind it and answers its length; it ends at `at`. */
  sized(): number {
    const length = this.size()
    this.take(length)
    return length
  }
}
