/** Dates and times as text: what is read, what is refused, and what is written, checked against the platform's calendar. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDate, formatTime, parseDate, parseTime } from '../../../src/kernels/index.js'

describe('parseTime', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0, 0n],
    ['1969-12-31T23:59:59.5Z', 3, -500n],
    ['2024-02-29T12:00:00.123456789Z', 9, 1709208000123456789n],
    ['2024-02-29T12:00:00.123456789Z', 6, 1709208000123456n],
    ['2024-02-29 12:00', 0, 1709208000n],
    ['2024-02-29', 3, 1709164800000n],
    ['2024-01-01T00:00:00,5+01', 3, 1704063600500n],
    ['2024-01-01t00:00:00-0030', 0, 1704069000n],
    ['0000-01-01T00:00:00Z', 0, -62167219200n],
  ])('%s with %i digits is %s', (text, digits, value) => expect(parseTime(text, digits)).toBe(value))

  it.each([
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-00-01',
    '2024-01-00',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:60Z',
    '2024-1-1',
    '24-01-01',
    '2024-01-01T',
    '2024-01-01T00:00:00.Z',
    '2024-01-01T00:00:00+24:00',
    '',
    ' 2024-01-01',
  ])('%s is no time', text => expect(parseTime(text, 3)).toBeNull())
})

describe('dates and times', () => {
  const date = fc.date({
    noInvalidDate: true,
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
  })

  it('are those of the platform', () => {
    const property = fc.property(date, day => {
      const text = day.toISOString()
      expect(parseTime(text, 3)).toBe(BigInt(day.getTime()))
      expect(parseDate(text.slice(0, 10))).toBe(Math.floor(day.getTime() / 86_400_000))
      expect(formatDate(Math.floor(day.getTime() / 86_400_000))).toBe(text.slice(0, 10))
      expect(formatTime(BigInt(day.getTime()), 3, true)).toBe(text.replace('.000Z', 'Z'))
    })
    fc.assert(property, { numRuns: 2000 })
  })

  it('are numbers where the year has not four digits', () => {
    expect(formatDate(-719_529)).toBeNull()
    expect(formatDate(2_932_897)).toBeNull()
    expect(formatTime(253_402_300_800n, 0, true)).toBeNull()
    expect(formatTime(-62_167_219_201n, 0, true)).toBeNull()
  })
})
