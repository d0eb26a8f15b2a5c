/** Lists of words, and bitmaps of which 0 stands for "all are there". */

@inline export function at4(list: usize, i: i32): usize { return list + ((i as usize) << 2) }
@inline export function word(list: usize, i: i32): u32 { return load<u32>(at4(list, i)) }
@inline export function isThere(validity: usize, i: i32): bool {
  return validity == 0 || ((load<u8>(validity + ((i as usize) >> 3)) >> ((i & 7) as u8)) & 1) == 1
}
