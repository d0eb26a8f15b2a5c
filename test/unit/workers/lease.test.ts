/** Leases: a reply ends exactly the lease that it answers, and a host that stood still kills nobody. */
import { describe, expect, test } from 'vitest'
import { LeaseTable } from '../../../src/workers/index.js'
import { tell } from '../../support/story.js'

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

/** Events: `grant W`, `reply W SEQUENCE` (`reply W SEQUENCE ATTEMPT`), `lost W`, `look`. Each lease may take 100 ms. */
function check(text: string): void {
  const leases = new LeaseTable<string>()
  tell(text, (event, nowMs) => {
    const [what, ...numbers] = event.split(' ')
    const [worker = 0, sequence = 0, attempt = 1] = numbers.map(Number)
    const list = (found: readonly (number | undefined)[]): string => found.join(' ')
    const said = (): string => {
      if (what === 'grant')
        return `lease ${leases.grant('rows', { worker, attempt: 1, allowedMs: 100, nowMs }).sequence}`
      if (what === 'lost') return list(leases.lost(worker).map(l => l.sequence))
      if (what === 'look') return list(leases.overdue(nowMs))
      return leases.settle(worker, { incarnation: worker, sequence, attempt }, nowMs) === null ? 'nothing' : 'ends it'
    }
    return [said(), list(leases.of(1).map(l => l.sequence)), `${leases.size}`]
  })
}

describe('leases', () => {
  test('are numbered over all workers, end in any order, and come back from a lost worker oldest first', () =>
    check(`
      at     event         ->  gives      at worker 1    in all
      0      grant 1           lease 1    1              1
      0      grant 1           lease 2    1 2            2
      0      grant 2           lease 3    1 2            3
      1      reply 2 1         nothing    1 2            3
      1      reply 1 2 2       nothing    1 2            3
      1      reply 1 2         ends it    1              2
      1      reply 1 2         nothing    1              2
      2      grant 1           lease 4    1 4            3
      3      lost 1            1 4        .              1
      3      reply 1 1         nothing    .              1
      3      lost 1            .          .              1
    `))

  test('are over their time one after the other, as the worker comes to them, and at the second look', () =>
    check(`
      at     event         ->  gives      at worker 1    in all
      0      grant 1           lease 1    1              1
      0      grant 1           lease 2    1 2            2
      50     grant 2           lease 3    1 2            3
      100    look              .          1 2            3
      101    look              .          1 2            3
      102    reply 1 1         ends it    2              2     // it lay in the socket
      151    look              .          2              2
      152    look              2          2              2
      203    look              2          2              2
      204    look              1 2        2              2
    `))
})
