/**
 * Logs of LevelDB, read without it: that of the newest writes, and the manifest. It leaves out what it cannot read in the middle
 * of one and says nothing; here that is told from an end that was torn while it was written.
 *
 *     pages of 32 KiB; in each, fragments that do not cross its end, and zeros where less than a head is left
 *
 *     0  u32 masked CRC32C from 6 on    4  u16 bytes    6  u8 kind: 1 whole, 2 first, 3 middle, 4 last    7  the bytes
 */
import { crc32c } from '../../kernels/index.js'
import { u32In, unmasked } from './level-bytes.js'

const pageBytes = 32 << 10
const headBytes = 7
const kinds = { whole: 1, first: 2, middle: 3, last: 4 } as const

/** What comes behind the whole records; `unreadable` where a bit of the last one is another one, or its page was never written. */
export type LogEnd = 'nothing' | 'torn' | 'unreadable' | 'records'

export interface LevelLog {
  readonly records: readonly Uint8Array[]
  readonly end: LogEnd
}

interface Fragment {
  readonly kind: number
  readonly bytes: Uint8Array
}

/**
 * @param recordBytesMin what whoever writes the log writes at least
 */
export function readLevelLog(log: Uint8Array, recordBytesMin: number): LevelLog {
  const records: Uint8Array[] = []
  let parts: Uint8Array[] = []
  let at = 0
  const ended = (end: LogEnd): LevelLog => ({ records, end })
  while (at < log.length) {
    const left = pageBytes - (at % pageBytes)
    const rest = log.subarray(at, at + left)
    if (left < headBytes && isZero(rest)) {
      at += rest.length
      continue
    }
    const fragment = fragmentIn(rest)
    if (fragment === null) {
      if (beginsBehind(log, at, recordBytesMin)) return ended('records')
      const isLast = at + rest.length === log.length
      return ended((isLast && isCutShort(rest)) || isZero(log.subarray(at)) ? 'torn' : 'unreadable')
    }
    const { kind, bytes } = fragment
    const begins = kind === kinds.whole || kind === kinds.first
    // Who begins the next one has written all of the one before.
    if (begins !== (parts.length === 0)) return ended('records')
    parts.push(bytes)
    if (kind === kinds.whole || kind === kinds.last) {
      records.push(joined(parts))
      parts = []
    }
    at += headBytes + bytes.length
  }
  return ended(parts.length === 0 ? 'nothing' : 'torn')
}

/** The one at the beginning of what is left of a page; null: there is none. */
function fragmentIn(page: Uint8Array): Fragment | null {
  const bytes = lengthIn(page)
  const kind = page[6] ?? 0
  if (headBytes + bytes > page.length || kind < kinds.whole || kind > kinds.last) return null
  const summed = page.subarray(6, headBytes + bytes)
  return crc32c(summed) === unmasked(u32In(page, 0)) ? { kind, bytes: summed.subarray(1) } : null
}

const lengthIn = (page: Uint8Array): number => (page[4] ?? 0) | ((page[5] ?? 0) << 8)

/** The page ends before the fragment does, as the file does. */
const isCutShort = (rest: Uint8Array): boolean => rest.length < headBytes || headBytes + lengthIn(rest) > rest.length

/** Whether another record begins somewhere behind what cannot be read; wherever that is, since a length cannot be believed. */
function beginsBehind(log: Uint8Array, from: number, recordBytesMin: number): boolean {
  for (let at = from + 1; at + headBytes <= log.length; at++) {
    const kind = log[at + 6] ?? 0
    if (kind !== kinds.whole && kind !== kinds.first) continue
    const page = log.subarray(at, at + pageBytes - (at % pageBytes))
    if (lengthIn(page) >= (kind === kinds.whole ? recordBytesMin : 1) && fragmentIn(page) !== null) return true
  }
  return false
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
}

const isZero = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0)
