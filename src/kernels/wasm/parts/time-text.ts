/** Dates and times to ISO-8601 text. Part of json-write. */
import { pair, writeInteger } from './integer'

const DAY: usize = 80
const DAY_TEXT: usize = 96
const QUOTE: u8 = 34
const MINUS: u8 = 45

/** The text of a day is kept: neighbouring rows are mostly of one day. Days have years of four digits. */
// @ts-ignore: decorator
@inline
function writeDay(out: usize, days: i32): void {
  if (load<i32>(DAY) != days) makeDay(days)
  v128.store(out, v128.load(DAY_TEXT))
}

/** `YYYY-MM-DD`, by counting years from March, so that a leap day comes last. */
function makeDay(days: i32): void {
  const shifted = (days + 719468 + 146097) as u32
  const era = shifted / 146097
  const day = shifted - era * 146097
  const year = (day - day / 1460 + day / 36524 - day / 146096) / 365
  const ofYear = day - (365 * year + year / 4 - year / 100)
  const month = (5 * ofYear + 2) / 153
  const civil = month < 10 ? month + 3 : month - 9
  const fullYear = year + era * 400 - 400 + (civil <= 2 ? 1 : 0)
  pair(DAY_TEXT, fullYear / 100)
  pair(DAY_TEXT + 2, fullYear % 100)
  store<u8>(DAY_TEXT + 4, MINUS)
  pair(DAY_TEXT + 5, civil)
  store<u8>(DAY_TEXT + 7, MINUS)
  pair(DAY_TEXT + 8, ofYear - (153 * month + 2) / 5 + 1)
  store<i32>(DAY, days)
}

// @ts-ignore: decorator
@inline
function hasDate(days: i64): bool {
  return days >= -719528 && days < 2932897
}

/** `"YYYY-MM-DD"`. */
export function writeDate(out: usize, days: i32): usize {
  if (!hasDate(days as i64)) return writeInteger(out, days as i64)
  store<u8>(out, QUOTE)
  writeDay(out + 1, days)
  store<u8>(out + 11, QUOTE)
  return out + 12
}

/** ISO-8601; a year that has not four digits is left as the number it is. */
export function writeTime(out: usize, step: usize, value: i64): usize {
  const perSecond = load<i64>(step + 24)
  let seconds = value / perSecond
  let part = value - seconds * perSecond
  if (part < 0) {
    part += perSecond
    seconds--
  }
  let days = seconds / 86400
  if (seconds - days * 86400 < 0) days--
  if (!hasDate(days)) return writeInteger(out, value)
  const ofDay = (seconds - days * 86400) as u32
  store<u8>(out, QUOTE)
  writeDay(out + 1, days as i32)
  const minutes = ofDay / 60
  const hours = minutes / 60
  store<u8>(out + 11, 84)
  pair(out + 12, hours)
  store<u8>(out + 14, 58)
  pair(out + 15, minutes - hours * 60)
  store<u8>(out + 17, 58)
  pair(out + 18, ofDay - minutes * 60)
  let at = out + 20
  if (part != 0) at = writePart(at, part, load<u32>(step + 32))
  if (load<u32>(step + 36)) store<u8>(at++, 90)
  store<u8>(at, QUOTE)
  return at + 1
}

function writePart(at: usize, part: i64, digits: u32): usize {
  store<u8>(at, 46)
  let rest = part as u32
  for (let i = digits; i > 0; i--) {
    const next = rest / 10
    store<u8>(at + i, 48 + ((rest - next * 10) as u8))
    rest = next
  }
  return at + 1 + digits
}
