/**
 * CRC32C by slicing: sixteen bytes a step, each through a table of its own. Compiled to WebAssembly; its plain twin is in
 * ../crc32c.ts, which also lays the tables.
 */
const TABLES: usize = 1024

@inline function table(k: usize, byte: u32): u32 { return load<u32>(TABLES + (k << 10) + ((byte as usize) << 2)) }
@inline function four(k: usize, word: u32): u32 {
  return table(k + 3, word & 255) ^ table(k + 2, (word >> 8) & 255) ^ table(k + 1, (word >> 16) & 255) ^ table(k, word >> 24)
}

/** Goes on from `crc`, which is inverted, over the bytes from `at` to `end`. */
export function update(crc: u32, at: usize, end: usize): u32 {
  let c = crc
  let p = at
  for (; p + 16 <= end; p += 16) {
    c = four(12, load<u32>(p) ^ c) ^ four(8, load<u32>(p + 4)) ^ four(4, load<u32>(p + 8)) ^ four(0, load<u32>(p + 12))
  }
  for (; p < end; p++) c = (c >> 8) ^ table(0, (c ^ load<u8>(p)) & 255)
  return c
}
