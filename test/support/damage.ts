/** Damaged copies of a message, from a seed: bits, bytes, words, swapped places, entries of the directory, cuts and tails. */

/** A seeded stream of whole numbers below a bound (mulberry32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below)
  }
}

/** Numbers near which sizes and signs go wrong. */
export const oddNumbers = [
  0, 1, 2, 3, 7, 8, 63, 64, 127, 255, 256, 65535, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8,
] as const

const envelopeBytes = 64
const entryBytes = 32

/** One to three wounds. Half of them strike the envelope and the directory, which are a small part of the bytes. */
export function damaged(message: Uint8Array, below: (n: number) => number): Uint8Array {
  const copy = new Uint8Array(message)
  const view = new DataView(copy.buffer)
  const tables = view.getUint32(44, true)
  const head = envelopeBytes + tables * entryBytes
  const place = (step: number): number => below(Math.floor((below(2) === 0 ? head : copy.length) / step)) * step
  const entry = (): number => envelopeBytes + below(tables) * entryBytes
  const wounds: readonly (() => void)[] = [
    () => copy.fill((copy[place(1)] ?? 0) ^ (1 << below(8)), place(1), place(1) + 1),
    () => flip(copy, place(1), below(8)),
    () => flip(copy, place(1), below(8)),
    () => copy.fill(below(256), place(1), place(1) + 1),
    () => view.setUint32(place(4), oddNumbers[below(oddNumbers.length)] ?? 0, true),
    () => add(view, place(4), below(33) - 16),
    () => void copy.copyWithin(place(8), place(8), place(8)),
    () => swap(copy, entry(), entry()),
    () => void copy.copyWithin(entry(), entry(), entry() + entryBytes),
  ]
  for (let times = 1 + below(3); times > 0; times -= 1) {
    const kind = below(wounds.length + 1)
    if (kind === wounds.length)
      return below(2) === 0 ? copy.slice(0, below(copy.length)) : Uint8Array.from([...copy, ...copy.subarray(0, 64)])
    wounds[kind]?.()
  }
  return copy
}

function flip(bytes: Uint8Array, at: number, bit: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
}

function add(view: DataView, at: number, by: number): void {
  view.setUint32(at, view.getUint32(at, true) + by, true)
}

function swap(bytes: Uint8Array, one: number, other: number): void {
  const kept = bytes.slice(one, one + entryBytes)
  bytes.copyWithin(one, other, other + entryBytes)
  bytes.set(kept, other)
}
