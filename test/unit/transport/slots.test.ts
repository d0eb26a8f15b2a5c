/** Slots: the stretches of the shared mapping never overlap, whatever is lent and given back. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Slot, Slots } from '../../../src/transport/index.js'

describe('slots of a mapping', () => {
  it('are lent from the low end, at multiples of 64, until nothing is free that long', () => {
    const slots = new Slots(1024)
    const [a, b, c] = [slots.take(100), slots.take(1), slots.take(832)]
    expect([a, b, c]).toEqual([
      { at: 0, bytes: 128 },
      { at: 128, bytes: 64 },
      { at: 192, bytes: 832 },
    ])
    expect(slots.take(1)).toBeNull()
    if (a !== null) slots.give(a)
    expect(slots.take(200)).toBeNull()
    expect(slots.take(128)).toEqual({ at: 0, bytes: 128 })
  })

  it('never overlap and never leave the mapping, whatever is lent and given back in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(700)), { maxLength: 80 }), steps => {
        const slots = new Slots(2048)
        const lent: Slot[] = []
        for (const [take, n] of steps) {
          if (take) {
            const slot = slots.take(n)
            if (slot !== null) lent.push(slot)
          } else if (lent.length > 0) {
            for (const slot of lent.splice(n % lent.length, 1)) slots.give(slot)
          }
          const sorted = lent.toSorted((a, b) => a.at - b.at)
          sorted.forEach((slot, i) => {
            expect(slot.at % 64).toBe(0)
            expect(slot.at + slot.bytes).toBeLessThanOrEqual(sorted[i + 1]?.at ?? 2048)
          })
        }
        for (const slot of lent) slots.give(slot)
        expect(slots.lentBytes).toBe(0)
        expect(slots.take(2048)).toEqual({ at: 0, bytes: 2048 })
      }),
    )
  })

  it('cannot be given back twice', () => {
    const slots = new Slots(1024)
    const slot = slots.take(64)
    if (slot === null) throw new Error('a fresh mapping has room')
    slots.give(slot)
    expect(() => slots.give(slot)).toThrow('a slot is given back once')
  })
})
