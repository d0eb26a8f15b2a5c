/** Sixteen decimal digits at once: three multiplications instead of a loop whose end cannot be predicted. */

/** The 16 decimal digits in 16 bytes, first digit in the first byte. */
// @ts-ignore: decorator
@inline
export function digits16(digits: v128): u64 {
  const tens = i16x8.mul(v128.and(digits, i16x8.splat(0xff)), i16x8.splat(10))
  const twos = i16x8.add(tens, i16x8.shr_u(digits, 8))
  const fours = i32x4.dot_i16x8_s(twos, i16x8(100, 1, 100, 1, 100, 1, 100, 1))
  const narrow = i16x8.narrow_i32x4_u(fours, fours)
  const eights = i32x4.dot_i16x8_s(narrow, i16x8(10000, 1, 10000, 1, 10000, 1, 10000, 1))
  return (i32x4.extract_lane(eights, 0) as u64) * 100000000 + (i32x4.extract_lane(eights, 1) as u64)
}
