/** Units: sizes and times as people write them: `'128MiB'`, `'60s'`. Numbers are bytes and milliseconds. */
const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}
const timeUnits: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1e3, m: 6e4, min: 6e4, h: 36e5, d: 864e5 }

/** A whole number of bytes, or a text such as `'128MiB'`. */
export type Bytes = number | string
/** Milliseconds, or a text such as `'60s'` or `'500ms'`. */
export type Duration = number | string

/** Null where it cannot be read as a whole number of bytes, 1 or more. */
export const bytesOf = (value: unknown): number | null => measure(value, byteUnits)

/** Null where it cannot be read as a whole number of milliseconds, 1 or more. */
export const msOf = (value: unknown): number | null => measure(value, timeUnits)

function measure(value: unknown, units: Readonly<Record<string, number>>): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(typeof value === 'number' ? String(value) : text(value))
  const unit = found === null ? undefined : units[found[2] ?? '']
  if (found === null || unit === undefined) return null
  const size = Math.round(Number(found[1]) * unit)
  return Number.isSafeInteger(size) && size >= 1 ? size : null
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '')
