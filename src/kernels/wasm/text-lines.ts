/**
 * Text lines to one column of text. Compiled to WebAssembly; its plain twin is in ../text-lines.ts.
 *
 * Bytes are copied 16 at a time while the newline is looked for. A line that is empty or not UTF-8 is left to
 * the caller: the scan stops before it.
 */
import { isText } from './parts/utf8'

const POSITION: usize = 64
const NEWLINE: u8 = 10
const RETURN: u8 = 13

/** Copies lines from `source` to `values`, their ends to `offsets`; answers how many. At most `limit` lines. */
export function scan(source: usize, end: usize, limit: i32, values: usize, offsets: usize): i32 {
  let at = source
  let into = values
  let row = 0
  const newline = i8x16.splat(NEWLINE)
  while (row < limit && at < end) {
    let p = at
    let to = into
    let wide = 0
    let stop = 0
    for (;;) {
      const bytes = v128.load(p)
      v128.store(to, bytes)
      stop = i8x16.bitmask(i8x16.eq(bytes, newline))
      const high = i8x16.bitmask(bytes)
      if (stop) {
        const n = ctz(stop)
        wide |= high & ((1 << n) - 1)
        p += n
        to += n
        break
      }
      wide |= high
      p += 16
      to += 16
    }
    const carriage = p > at && load<u8>(p - 1) == RETURN
    const last = p - (carriage as usize)
    if (last == at || (wide != 0 && !isText(at, last))) break
    into = to - (carriage as usize)
    at = p + 1
    row++
    store<u32>(offsets + ((row as usize) << 2), (into - values) as u32)
  }
  store<u32>(POSITION, at as u32)
  return row
}
