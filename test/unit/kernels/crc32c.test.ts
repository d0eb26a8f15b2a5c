import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c, crc32cRows, plainCrc32c } from '../../../src/kernels/index.js'

const text = (s: string): Uint8Array => new TextEncoder().encode(s)

describe('CRC32C', () => {
  it('is that of the standard', () => {
    expect(crc32c(text('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(0))).toBe(0)
  })

  it('is the same from the kernel and from its twin, in one go or in two', () => {
    const some = fc.uint8Array({ maxLength: 2000 })
    fc.assert(
      fc.property(some, some, (a, b) => {
        const whole = new Uint8Array([...a, ...b])
        expect(crc32c(whole)).toBe(plainCrc32c(whole))
        expect(crc32c(b, crc32c(a))).toBe(crc32c(whole))
      }),
      { numRuns: 200, seed: 3 },
    )
    const large = Uint8Array.from({ length: 700_001 }, (_, i) => (i * 2654435761) >>> 24)
    expect(crc32c(large)).toBe(plainCrc32c(large))
  })

  it('of packed rows is that of each, however many and however long they are', () => {
    const bytes = Uint8Array.from({ length: 1_200_000 }, (_, i) => (i * 2654435761) >>> 24)
    const lengths = fc.array(fc.oneof(fc.nat(40), fc.nat(300_000)), { maxLength: 60 })
    fc.assert(
      fc.property(lengths, each => {
        let end = 0
        const ends = Uint32Array.from(each, length => (end = Math.min(bytes.length, end + length)))
        const rows = Array.from(ends, (to, i) => crc32c(bytes.subarray(i === 0 ? 0 : ends[i - 1], to)))
        expect([...crc32cRows(bytes.subarray(0, end), ends)]).toEqual(rows)
      }),
      { numRuns: 60, seed: 4 },
    )
  })
})
