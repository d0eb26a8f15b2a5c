/** Leases: a reply ends exactly the lease that it answers, and a host that stood still kills nobody. */
import { describe, expect, test } from 'vitest'
import { LeaseTable } from '../../../src/workers/index.js'

const terms = { worker: 7, attempt: 2, allowedMs: 100, nowMs: 0 }

describe('a reply', () => {
  const table: readonly (readonly [what: string, change: Readonly<Record<string, number>>, worker: number])[] = [
    ['of an earlier attempt', { attempt: 1 }, 7],
    ['of another call', { sequence: 99 }, 7],
    ['of an earlier process of the same worker', { incarnation: 6 }, 7],
    ['from another worker', {}, 8],
  ]

  test.for(table)('%s ends no lease', ([, change, worker]) => {
    const leases = new LeaseTable<string>()
    const { sequence } = leases.grant('rows', terms)
    const right = { incarnation: 7, sequence, attempt: 2 }
    expect(leases.settle(worker, { ...right, ...change }, 1)).toBeNull()
    expect(leases.settle(7, right, 2)?.work).toBe('rows')
  })

  test('that comes twice ends its lease once', () => {
    const leases = new LeaseTable<string>()
    const { sequence } = leases.grant('rows', terms)
    const key = { incarnation: 7, sequence, attempt: 2 }
    expect([leases.settle(7, key, 1)?.work, leases.settle(7, key, 2)]).toEqual(['rows', null])
    expect(leases.size).toBe(0)
  })

  test('of a worker that is gone ends nothing; its leases came back in the order of granting', () => {
    const leases = new LeaseTable<string>()
    const first = leases.grant('first', terms)
    leases.grant('second', terms)
    expect(leases.lost(7).map(lease => lease.work)).toEqual(['first', 'second'])
    expect(leases.settle(7, { incarnation: 7, sequence: first.sequence, attempt: 2 }, 1)).toBeNull()
  })
})

describe('a deadline', () => {
  test('is judged on two looks, so that a reply which waits in the socket is read between them', () => {
    const leases = new LeaseTable<string>()
    leases.grant('rows', terms)
    expect([100, 101, 102].map(ms => leases.overdue(ms))).toEqual([[], [], [7]])
  })

  test('runs for the first lease of a worker only; that of the next one begins when the first is settled', () => {
    const leases = new LeaseTable<string>()
    const { sequence } = leases.grant('first', terms)
    leases.grant('second', terms)
    leases.settle(7, { incarnation: 7, sequence, attempt: 2 }, 90)
    expect([190, 191, 192].map(ms => leases.overdue(ms))).toEqual([[], [], [7]])
  })
})
