/**
 * Murmur3, 32 bits (https://github.com/aappleby/smhasher, public domain), as Flink hashes keys into key
 * groups. It decides which lane owns a key and stands behind the layout on disk, so it never changes;
 * test/golden/keys.json holds its answers.
 */
const first = 0xcc9e2d51
const second = 0x1b873593

/** Mixes one 32-bit word into the hash. */
export function mixWord(hash: number, word: number): number {
  const h = hash ^ scramble(word)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** The part of a word that the last one to three bytes go through alone, as a word filled with zeros. */
export function scramble(word: number): number {
  const k = Math.imul(word, first)
  return Math.imul((k << 15) | (k >>> 17), second)
}

/** The last step, with the length in bytes; an unsigned 32-bit number. */
export function finish(hash: number, length: number): number {
  let h = hash ^ length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Murmur3-32 with seed 0 of these bytes. */
export function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length & ~3
  let hash = 0
  for (let i = 0; i < whole; i += 4) hash = mixWord(hash, view.getInt32(i, true))
  let tail = 0
  for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8) | (bytes[i] ?? 0)
  if (whole < bytes.length) hash ^= scramble(tail)
  return finish(hash, bytes.length)
}
