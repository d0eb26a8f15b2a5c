/**
 * Scalars as text and back: instants and dates by the proleptic Gregorian calendar over the whole int64
 * range (JavaScript's dates end in the year 275760), decimals with their scale, bytes as base64.
 */
import { type DataType, type TimeUnit } from '../schema/index.js'

const perSecond: Readonly<Record<TimeUnit, bigint>> = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n }
const digits: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 3, us: 6, ns: 9 }
const daySeconds = 86_400n

/** Floor division: instants before 1970 are negative. */
const floorDivide = (a: bigint, b: bigint): bigint => (a >= 0n ? a / b : -((b - 1n - a) / b))
const pad = (value: bigint, width: number): string => String(value).padStart(width, '0')

/** `YYYY-MM-DD` of days since 1970-01-01; years outside 0 to 9999 have a sign and six digits or more. */
export function textOfDays(days: bigint): string {
  const { year, month, day } = civil(days)
  const plain = year >= 0n && year <= 9999n
  const years = plain ? pad(year, 4) : `${year < 0n ? '-' : '+'}${pad(year < 0n ? -year : year, 6)}`
  return `${years}-${pad(month, 2)}-${pad(day, 2)}`
}

/** `2024-05-06T07:08:09.123Z`: as many digits as the unit has, `Z` where the type has a time zone. */
export function textOfTicks(ticks: bigint, type: DataType & { readonly kind: 'timestamp' }): string {
  const unit = perSecond[type.unit]
  const seconds = floorDivide(ticks, unit)
  const days = floorDivide(seconds, daySeconds)
  const rest = seconds - days * daySeconds
  const clock = `${pad(rest / 3600n, 2)}:${pad((rest / 60n) % 60n, 2)}:${pad(rest % 60n, 2)}`
  const fraction = type.unit === 's' ? '' : `.${pad(ticks - seconds * unit, digits[type.unit])}`
  return `${textOfDays(days)}T${clock}${fraction}${type.tz === null ? '' : 'Z'}`
}

const datePart = String.raw`([+-]\d{6,}|\d{4})-(\d\d)-(\d\d)`
const dateForm = new RegExp(`^${datePart}$`)
const instantForm = new RegExp(String.raw`^${datePart}[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$`)

/** Days since 1970-01-01, undefined where the text is not a date. */
export function daysFromText(text: string): bigint | undefined {
  const found = dateForm.exec(text)
  return found === null ? undefined : daysOf(found)
}

/** Ticks since 1970-01-01T00:00:00Z; digits beyond the unit are cut off. */
export function ticksFromText(text: string, unit: TimeUnit): bigint | undefined {
  const found = instantForm.exec(text)
  if (found === null) return undefined
  const days = daysOf(found)
  if (days === undefined) return undefined
  const [, , , , hours = '0', minutes = '0', seconds = '0', fraction = '', zone = 'Z'] = found
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined
  const whole = days * daySeconds + BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds) - zoneSeconds(zone)
  return whole * perSecond[unit] + BigInt(fraction.padEnd(9, '0').slice(0, digits[unit]) || '0')
}

function zoneSeconds(zone: string): bigint {
  if (zone === 'Z') return 0n
  const seconds = BigInt(zone.slice(1, 3)) * 3600n + BigInt(zone.slice(-2)) * 60n
  return zone.startsWith('-') ? -seconds : seconds
}

function daysOf(found: RegExpExecArray): bigint | undefined {
  const [, year = '', month = '', day = ''] = found
  const days = daysOfCivil(BigInt(year.replace('+', '')), BigInt(month), BigInt(day))
  const back = civil(days)
  return back.month === BigInt(month) && back.day === BigInt(day) ? days : undefined
}

/** Years are counted from March, so that the leap day is the last one; 400 years have 146,097 days. */
function civil(days: bigint): { readonly year: bigint; readonly month: bigint; readonly day: bigint } {
  const shifted = days + 719_468n
  const era = floorDivide(shifted, 146_097n)
  const ofEra = shifted - era * 146_097n
  const yearOfEra = (ofEra - ofEra / 1_460n + ofEra / 36_524n - ofEra / 146_096n) / 365n
  const ofYear = ofEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n)
  const march = (5n * ofYear + 2n) / 153n
  const month = march < 10n ? march + 3n : march - 9n
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n)
  return { year, month, day: ofYear - (153n * march + 2n) / 5n + 1n }
}

function daysOfCivil(year: bigint, month: bigint, day: bigint): bigint {
  const shifted = month <= 2n ? year - 1n : year
  const era = floorDivide(shifted, 400n)
  const ofEra = shifted - era * 400n
  const ofYear = (153n * (month > 2n ? month - 3n : month + 9n) + 2n) / 5n + day - 1n
  return era * 146_097n + ofEra * 365n + ofEra / 4n - ofEra / 100n + ofYear - 719_468n
}

type Decimal = DataType & { readonly kind: 'decimal128' }

/** `-12.30` of the unscaled -1230 and scale 2. */
export function textOfDecimal(unscaled: bigint, { scale }: Decimal): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale))
  const text = pad(unscaled < 0n ? -unscaled : unscaled, scale + 1)
  return `${unscaled < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

/** The unscaled value; a `TypeError` where the text has more digits than the type. */
export function decimalFromText(text: string, { precision, scale }: Decimal): bigint {
  const found = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text)
  const [, sign = '', whole = '', fraction = ''] = found ?? []
  const wide = `${whole}${fraction.padEnd(Math.max(scale, 0), '0')}`
  const extra = Math.max(fraction.length - Math.max(scale, 0), 0) + Math.max(-scale, 0)
  const kept = wide.slice(0, wide.length - extra) || '0'
  const lost = /[1-9]/.test(wide.slice(wide.length - extra))
  const unscaled = BigInt(kept)
  if (found === null || lost || unscaled >= 10n ** BigInt(precision)) {
    throw new TypeError(`expected a decimal128(${precision}, ${scale}), got ${text}`)
  }
  return sign === '-' ? -unscaled : unscaled
}

/** A `TypeError` where the text is not base64. */
export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), c => c.charCodeAt(0))
  } catch (cause) {
    throw new TypeError(`expected base64, got ${text.slice(0, 40)}`, { cause })
  }
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += 4096) binary += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return btoa(binary)
}
