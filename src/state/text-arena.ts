/**
 * Text arena: the bytes of utf8 and binary state. A value is a place (in units of 8 bytes, so that 32 bits
 * reach 32 GiB) and a length. A new value takes the old one's place where it fits; otherwise the old bytes
 * are dead until the table copies what lives into a new arena.
 */
const chunkUnits = 1 << 17
const unitsOf = (length: number): number => (length + 7) >>> 3

export class TextArena {
  /** Bytes, in units of 8, that values hold and that nobody holds any more. */
  liveUnits = 0
  deadUnits = 0
  private readonly chunks: Uint8Array[] = []
  /** The next free unit; chunks begin at multiples of `chunkUnits`. */
  private next = 0

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  }

  /** Whether copying what lives would give back more than half, and that is worth the work. */
  get wasteful(): boolean {
    return this.deadUnits > this.liveUnits && this.deadUnits > chunkUnits
  }

  /** Stores bytes [from, to) of `source`. Nothing needs no place. */
  add(source: Uint8Array, from: number, to: number): number {
    if (to === from) return 0
    const units = unitsOf(to - from)
    const place = this.room(units)
    this.liveUnits += units
    this.put(place, source, from, to)
    return place
  }

  /** Stores them instead of the value at `place`, which had `length` bytes. */
  replace(place: number, length: number, source: Uint8Array, from: number, to: number): number {
    const before = unitsOf(length)
    const units = unitsOf(to - from)
    if (units === 0 || units > before) {
      this.free(length)
      return this.add(source, from, to)
    }
    this.liveUnits += units - before
    this.deadUnits += before - units
    this.put(place, source, from, to)
    return place
  }

  /** A value of `length` bytes is held no more. */
  free(length: number): void {
    this.liveUnits -= unitsOf(length)
    this.deadUnits += unitsOf(length)
  }

  /** Copies a value to `target` at `at`. */
  read(place: number, length: number, target: Uint8Array, at: number): void {
    if (length === 0) return
    const chunk = this.chunks[Math.floor(place / chunkUnits)]
    const from = (place % chunkUnits) * 8
    if (chunk !== undefined) copy(target, at, chunk, { from, length })
  }

  /** Copies a value to another arena; answers its place there. */
  moveTo(other: TextArena, place: number, length: number): number {
    const chunk = this.chunks[Math.floor(place / chunkUnits)]
    const from = (place % chunkUnits) * 8
    return chunk === undefined ? 0 : other.add(chunk, from, from + length)
  }

  private put(place: number, source: Uint8Array, from: number, to: number): void {
    const chunk = this.chunks[Math.floor(place / chunkUnits)]
    if (chunk !== undefined) copy(chunk, (place % chunkUnits) * 8, source, { from, length: to - from })
  }

  /** A value larger than a chunk gets one of its own, which stands for as many numbers as it needs. */
  private room(units: number): number {
    const left = this.chunks.length * chunkUnits - this.next
    if (units <= left) {
      this.next += units
      return this.next - units
    }
    this.deadUnits += left
    const place = this.chunks.length * chunkUnits
    const numbers = Math.ceil(units / chunkUnits)
    this.chunks.push(new Uint8Array(numbers === 1 ? chunkUnits * 8 : units * 8))
    for (let i = 1; i < numbers; i++) this.chunks.push(new Uint8Array(0))
    this.next = numbers === 1 ? place + units : this.chunks.length * chunkUnits
    return place
  }
}

/** By hand where it is short: a call of `set` costs more than 24 bytes. */
function copy(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  { from, length }: { readonly from: number; readonly length: number },
): void {
  if (length > 24) target.set(source.subarray(from, from + length), at)
  else for (let b = 0; b < length; b++) target[at + b] = source[from + b] ?? 0
}
