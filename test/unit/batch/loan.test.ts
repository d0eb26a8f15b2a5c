/** Memory that is used again: by nobody before its last holder has let go of it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BufferPool, Loan, joinLoans } from '../../../src/batch/index.js'

const kib = 1024

describe('a loan', () => {
  test('gives its memory back when its last holder lets go of it', () => {
    let back = 0
    const loan = new Loan(() => (back += 1))
    loan.keep()
    loan.release()
    expect(back).toBe(0)
    loan.release()
    expect(back).toBe(1)
  })

  test('is refused to who lets go of it once too often, and to who comes too late', () => {
    const loan = new Loan(() => undefined)
    loan.release()
    expect(() => loan.release()).toThrow('a holder gives memory back once')
    expect(() => loan.keep()).toThrow('memory is not read after it was given back')
  })

  test('of two memories gives both back', () => {
    const back: string[] = []
    const both = joinLoans(new Loan(() => back.push('a')), new Loan(() => back.push('b')))
    both?.release()
    expect(back).toEqual(['a', 'b'])
  })

  test('joined with none is the one that there is', () => {
    const loan = new Loan(() => undefined)
    expect([joinLoans(loan, undefined), joinLoans(undefined, loan), joinLoans(undefined, undefined)]).toEqual([
      loan,
      loan,
      undefined,
    ])
  })
})

describe('a pool', () => {
  test('lends the memory again that came back last', () => {
    const pool = new BufferPool(1024 * kib)
    const [first, second] = [pool.take(100 * kib), pool.take(100 * kib)]
    first.loan?.release()
    second.loan?.release()
    expect(pool.take(99 * kib).bytes.buffer).toBe(second.bytes.buffer)
  })

  test('lends what is up to twice as large, where nothing of the size is there', () => {
    const pool = new BufferPool(1024 * kib)
    const lent = pool.take(200 * kib)
    lent.loan?.release()
    expect(pool.take(90 * kib).bytes.buffer).not.toBe(lent.bytes.buffer)
    expect(pool.take(101 * kib).bytes.buffer).toBe(lent.bytes.buffer)
  })

  test('forgets the sizes that nobody asks for any more, not what came back last', () => {
    const pool = new BufferPool(300 * kib)
    for (const { loan } of [pool.take(50 * kib), pool.take(50 * kib)]) loan?.release()
    const lent = pool.take(250 * kib)
    lent.loan?.release()
    expect(pool.take(250 * kib).bytes.buffer).toBe(lent.bytes.buffer)
  })

  test('does not lend what is too small to be worth it', () =>
    expect(new BufferPool(1024 * kib).take(kib).loan).toBeUndefined())

  test('keeps no more than it may', () => {
    const pool = new BufferPool(150 * kib)
    const lent = [pool.take(100 * kib), pool.take(100 * kib)]
    for (const { loan } of lent) loan?.release()
    const again = [pool.take(100 * kib), pool.take(100 * kib)].map(l => l.bytes.buffer)
    expect(again.filter(buffer => lent.some(l => l.bytes.buffer === buffer))).toHaveLength(1)
  })

  test('never lends to two at once, and gives as many bytes as were asked for', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 1, max: 300 * kib }), fc.constant('back' as const))), steps => {
        const pool = new BufferPool(1024 * kib)
        const out: { bytes: Uint8Array; loan: Loan | undefined; mark: number }[] = []
        steps.forEach((step, mark) => {
          if (step === 'back') return void out.shift()?.loan?.release()
          const lent = { ...pool.take(step), mark: mark & 0xff }
          expect([lent.bytes.length, lent.bytes.byteOffset % 8]).toEqual([step, 0])
          lent.bytes.fill(lent.mark)
          out.push(lent)
        })
        for (const { bytes, mark } of out) expect([bytes[0], bytes.at(-1)]).toEqual([mark, mark])
      }),
    ))
})
