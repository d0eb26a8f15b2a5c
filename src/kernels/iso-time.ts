/**
 * Dates and times as ISO-8601 text, both ways, exact to the nanosecond and without a calendar package: a
 * `Date` keeps milliseconds only. Calendar days are proleptic Gregorian. A unit of time is told by the decimal
 * digits that it has behind the second: 0, 3, 6 or 9.
 */
const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/
const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/

/**
 * Units since 1970-01-01T00:00Z; null where the text is no time. Without an offset it is taken as UTC. Digits
 * finer than the unit are cut off towards the past.
 */
export function parseTime(text: string, digits: number): bigint | null {
  const found = pattern.exec(text)
  if (found === null) return null
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset = 'Z'] = found
  const days = daysOf(Number(year), Number(month), Number(day))
  const [h, m, s] = [Number(hour), Number(minute), Number(second)]
  if (days === null || h > 23 || m > 59 || s > 59) return null
  const shift = offsetSeconds(offset)
  if (shift === null) return null
  const seconds = days * 86_400 + h * 3_600 + m * 60 + s - shift
  const part = digits === 0 ? 0n : BigInt(fraction.slice(0, digits).padEnd(digits, '0'))
  return BigInt(seconds) * 10n ** BigInt(digits) + part
}

function offsetSeconds(offset: string): number | null {
  if (offset === 'Z' || offset === 'z') return 0
  const hours = Number(offset.slice(1, 3))
  const minutes = Number(offset.slice(3).replace(':', ''))
  if (hours > 23 || minutes > 59) return null
  return (offset.startsWith('-') ? -1 : 1) * (hours * 3_600 + minutes * 60)
}

/** Days since 1970-01-01 of `YYYY-MM-DD`; null where the text is no date. */
export function parseDate(text: string): number | null {
  const found = datePattern.exec(text)
  return found === null ? null : daysOf(Number(found[1]), Number(found[2]), Number(found[3]))
}

/** Days since 1970-01-01, by counting years from March so that a leap day comes last; null for no day. */
export function daysOf(year: number, month: number, day: number): number | null {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null
  const y = month <= 2 ? year - 1 : year
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days of 0000-01-01 and of 10000-01-01: dates outside cannot be written with four digits. */
export const dayMin = -719_528
export const dayEnd = 2_932_897

/** `YYYY-MM-DD`; null where the year has not four digits. */
export function formatDate(days: number): string | null {
  if (days < dayMin || days >= dayEnd) return null
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const month = ((Math.floor((5 * dayOfYear + 2) / 153) + 2) % 12) + 1
  const day = dayOfYear - Math.floor((153 * ((month + 9) % 12) + 2) / 5) + 1
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`
}

/** ISO-8601 with the unit's fraction where it is not zero; null where the year has not four digits. */
export function formatTime(value: bigint, digits: number, zoned: boolean): string | null {
  const per = 10n ** BigInt(digits)
  const part = ((value % per) + per) % per
  const seconds = (value - part) / per
  if (seconds < BigInt(dayMin) * 86_400n || seconds >= BigInt(dayEnd) * 86_400n) return null
  const whole = Number(seconds)
  const days = Math.floor(whole / 86_400)
  const date = formatDate(days)
  if (date === null) return null
  const ofDay = whole - days * 86_400
  const time = `${pad(Math.floor(ofDay / 3_600), 2)}:${pad(Math.floor(ofDay / 60) % 60, 2)}:${pad(ofDay % 60, 2)}`
  const fraction = part === 0n ? '' : `.${part.toString().padStart(digits, '0')}`
  return `${date}T${time}${fraction}${zoned ? 'Z' : ''}`
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')
