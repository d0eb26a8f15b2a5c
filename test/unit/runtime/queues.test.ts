/** Where rows wait: edges between vertices, and the lanes of a stage, as stories. `1-4` are the rows 1 to 4 of a source. */
import { describe, expect, test } from 'vitest'
import { batchFromRows } from '../../../src/batch/index.js'
import { Edge, type EdgeLimit, Output } from '../../../src/runtime/flow/edge.js'
import { EpochGate } from '../../../src/runtime/flow/gate.js'
import { Lane } from '../../../src/runtime/flow/lane.js'
import { positionOf } from '../../../src/runtime/flow/origin.js'
import { type Rows, concatRows, rowBytes, rowCount } from '../../../src/runtime/flow/rows.js'
import { type Piece, type Ticket } from '../../../src/runtime/flow/ticket.js'
import { type Schema } from '../../../src/schema/index.js'
import { tell } from '../../support/story.js'

const schema: Schema = { fields: [{ name: 'id', type: { kind: 'int64' } }] }

/** `3-5`, with the ids 3, 4, 5 and their positions in the source. */
function rows(range: string): Rows {
  const [first = 0, last = first] = range.split('-').map(Number)
  const ids = Array.from({ length: last - first + 1 }, (_, i) => ({ id: BigInt(first + i) }))
  return { batch: batchFromRows(schema, ids), origin: { kind: 'run', split: 0, first } }
}

/** By their values and by their origins, which must say the same. */
function rangeOf(of: Rows): string {
  const column = of.batch.columns[0]
  const from = positionOf(of.origin, 0)
  expect(column?.length).toBe(rowCount(of))
  expect(concatRows([of, rows(`${from + rowCount(of)}`)]).origin.kind).toBe('run')
  return rowCount(of) === 1 ? `${from}` : `${from}-${from + rowCount(of) - 1}`
}

describe('an edge', () => {
  /** Events: `push RANGE`, `shift`, `take N`, `end`. */
  function check(limit: Partial<EdgeLimit>, text: string): void {
    const edge = new Edge(null, { limit: { bytes: 1e9, batches: 1e9, ...limit } })
    tell(text, event => {
      const [what, of = ''] = event.split(' ')
      let out: readonly Rows[] = []
      if (what === 'push') edge.push(rows(of))
      else if (what === 'shift') out = [edge.shift()].filter(r => r !== null)
      else if (what === 'take') out = edge.take({ most: Number(of), together: Number(of) })
      else edge.end()
      const state = [edge.room ? 'room' : 'full', ...(edge.ended ? ['ended'] : [])].join(' ')
      return [out.map(rangeOf).join(', '), `${edge.rows} rows in ${edge.batches}`, state]
    })
  }

  test('is first in, first out, and is taken from in pieces of any size', () =>
    check(
      {},
      `
      event        ->  gives          holds            is
      push 1-4         .              4 rows in 1      room
      push 5-6         .              6 rows in 2      room
      take 3           1-3            3 rows in 2      room
      take 2           4              2 rows in 1      room      // a batch is not cut to fill up another
      push 7-9         .              5 rows in 2      room
      take 9           5-6, 7-9       0 rows in 0      room
      shift            .              0 rows in 0      room
      `,
    ))

  test('is full with as many batches as its limit says, and has room again when one is taken', () =>
    check(
      { batches: 2 },
      `
      event        ->  gives          holds            is
      push 1           .              1 rows in 1      room
      push 2           .              2 rows in 2      full
      push 3           .              3 rows in 3      full      // what was under way still comes
      shift            1              2 rows in 2      full
      shift            2              1 rows in 1      room
      `,
    ))

  test('is full with as many bytes as its limit says', () =>
    check(
      { bytes: 2 * rowBytes(rows('1')) },
      `
      event        ->  gives          holds            is
      push 1           .              1 rows in 1      room
      push 2           .              2 rows in 2      full
      take 1           1              1 rows in 1      room
      `,
    ))

  test('has ended when nothing will come and nothing waits', () =>
    check(
      {},
      `
      event        ->  gives          holds            is
      push 1-2         .              2 rows in 1      room
      end              .              2 rows in 1      room
      take 1           1              1 rows in 1      room
      take 1           2              0 rows in 0      room ended
      `,
    ))

  test('counts its bytes down to nothing, however often rows were cut', () => {
    const edge = new Edge()
    for (let i = 0; i < 100; i += 1) edge.push(rows(`${i * 7 + 1}-${i * 7 + 7}`))
    const out = Array.from({ length: 400 }, () => edge.take({ most: 2, together: 2 })).flat()
    expect(out.reduce((n, r) => n + rowCount(r), 0)).toBe(700)
    expect([edge.bytes, edge.rows, edge.batches]).toEqual([0, 0, 0])
  })
})

test('an output has room when each of its edges has, and gives each of them the same rows', () => {
  const output = new Output()
  expect([output.used, output.room]).toEqual([false, true])
  const [wide, narrow] = [new Edge(), new Edge(null, { limit: { bytes: 1e9, batches: 1 } })]
  output.connect(wide)
  output.connect(narrow)
  const one = rows('1-3')
  output.emit(one)
  expect([output.used, output.room]).toEqual([true, false])
  expect([wide.shift(), narrow.shift()]).toEqual([one, one])
  expect(output.room).toBe(true)
  output.end()
  expect([wide.ended, narrow.ended]).toEqual([true, true])
})

test('an edge in front of slow calls is full with the rows that they take in good time, whatever stands between', () => {
  let demand = 5
  const behind = new Edge(null, { demand: () => demand })
  const select = new Output()
  select.connect(behind)
  const before = new Output()
  before.connect(new Edge(null, { demand: () => select.demand }))
  before.connect(new Edge())
  expect([before.demand, before.room]).toEqual([5, true])
  before.emit(rows('1-5'))
  expect(before.room).toBe(false)
  demand = Number.POSITIVE_INFINITY
  expect([before.demand, before.room]).toEqual([Number.POSITIVE_INFINITY, true])
})

describe('lanes in step', () => {
  const fresh = (range: string, poll: number): Rows => ({ ...rows(range), fresh: { source: 0, poll } })
  /** Rows of the next call. */
  const send = (lane: Lane): number => {
    const ticket = lane.next(0, { together: 100, alone: 100, inStep: true })
    if (ticket !== null) ticket.away = true
    return ticket === null ? 0 : rowCount(ticket.todo[0]?.rows ?? rows('1'))
  }

  test('a lane that is behind ends with the poll up to which another one is, and one that is not goes ahead', () => {
    const gate = new EpochGate(1)
    const [ahead, behind] = [new Lane(0, 4, gate), new Lane(1, 4, gate)]
    for (const [poll, range] of ['1-4', '11-14'].entries()) ahead.push(fresh(range, poll + 1), null)
    for (const [poll, range] of ['5-9', '15-19', '25-29'].entries()) behind.push(fresh(range, poll + 1), null)
    expect([ahead.firstPoll, behind.firstPoll, behind.holdsPassed]).toEqual([1, 1, false])
    expect([send(ahead), behind.holdsPassed]).toEqual([8, true])
    expect([send(behind), behind.firstPoll, behind.holdsPassed]).toEqual([10, 3, false])
    expect(send(behind)).toBe(5)
  })
})

/** State slots that are the ids: that they travel with their rows can be seen. */
const slotsOf = (of: Rows): Int32Array => Int32Array.from({ length: rowCount(of) }, (_, i) => positionOf(of.origin, i))

/** A lane whose calls have 3 rows at most, and the pieces that are away. */
class DrivenLane {
  readonly lane: Lane
  private readonly away = new Map<string, { readonly ticket: Ticket; readonly piece: Piece }>()

  constructor(window: number) {
    this.lane = new Lane(0, window, new EpochGate(1))
  }

  send(atMs: number): string {
    const runnable = this.lane.runnable(atMs)
    const ticket = this.lane.next(atMs, { together: 3, alone: 3, inStep: false })
    expect(ticket !== null).toBe(runnable)
    const piece = ticket?.todo.shift()
    if (ticket === null || piece === undefined) return ''
    ticket.away = true
    expect(piece.slots).toEqual(slotsOf(piece.rows))
    this.away.set(rangeOf(piece.rows), { ticket, piece })
    return rangeOf(piece.rows)
  }

  settle(range: string, again: boolean): void {
    const found = this.away.get(range)
    if (found === undefined) throw new Error(`rows ${range} are not away`)
    const { ticket, piece } = found
    ticket.away = false
    if (again) ticket.todo.unshift(piece)
    else ticket.done.push({ output: 0, rows: piece.rows })
  }
}

describe('a lane', () => {
  /** Events: `push RANGE`, `send` (the next ticket), `done RANGE` (it is settled), `back RANGE` (its rows are put back), `hold MS`. */
  function check(window: number, text: string, overtaking = false): void {
    const driven = new DrivenLane(window)
    const { lane } = driven
    tell(text, (event, atMs) => {
      const [what, of = ''] = event.split(' ')
      let sent = ''
      if (what === 'push') lane.push(rows(of), slotsOf(rows(of)))
      else if (what === 'hold') lane.hold(atMs, { untilMs: Number(of), reason: 'away' })
      else if (what === 'send') sent = driven.send(atMs)
      else driven.settle(of, what === 'back')
      const emitted = lane.finished(overtaking).flatMap(ticket => ticket.done.map(e => rangeOf(e.rows)))
      return [sent, emitted.join(', '), `${lane.rows} rows${lane.idle ? ', idle' : ''}`]
    })
  }

  test('with keys has one ticket open, of as many rows as a call may have, cut and joined from what waits', () =>
    check(
      1,
      `
      event        ->  sends     emits       holds
      push 1-4         .         .           4 rows
      push 5           .         .           5 rows
      send             1-3       .           2 rows
      send             .         .           2 rows      // its state is away
      done 1-3         .         1-3         2 rows
      send             4-5       .           0 rows
      done 4-5         .         4-5         0 rows, idle
      send             .         .           0 rows, idle
      `,
    ))

  test('does not cut a batch to fill up a call: two halves that lie apart are a copy', () =>
    check(
      1,
      `
      event        ->  sends     emits       holds
      push 1-2         .         .           2 rows
      push 3-4         .         .           4 rows
      send             1-2       .           2 rows
      done 1-2         .         1-2         2 rows
      send             3-4       .           0 rows
      `,
    ))

  test('without keys has a window of tickets, and emits them in their order, whichever is done first', () =>
    check(
      3,
      `
      event        ->  sends     emits       holds
      push 1-12        .         .           12 rows
      send             1-3       .           9 rows
      send             4-6       .           6 rows
      send             7-9       .           3 rows
      send             .         .           3 rows      // the window is full
      done 7-9         .         .           3 rows
      done 1-3         .         1-3         3 rows
      send             10-12     .           0 rows
      done 10-12       .         .           0 rows
      done 4-6         .         4-6, 7-9, 10-12    0 rows, idle
      `,
    ))

  test('of an unordered transform emits each ticket as soon as it is done, and its window is free for the next', () =>
    check(
      2,
      `
      event        ->  sends     emits       holds
      push 1-12        .         .           12 rows
      send             1-3       .           9 rows
      send             4-6       .           6 rows
      done 4-6         .         4-6         6 rows
      send             7-9       .           3 rows
      done 7-9         .         7-9         3 rows
      send             10-12     .           0 rows
      done 1-3         .         1-3         0 rows
      done 10-12       .         10-12       0 rows, idle
      `,
      true,
    ))

  test('sends rows that were put back before it opens a new ticket', () =>
    check(
      2,
      `
      event        ->  sends     emits       holds
      push 1-9         .         .           9 rows
      send             1-3       .           6 rows
      send             4-6       .           3 rows
      back 4-6         .         .           3 rows
      send             4-6       .           3 rows
      back 1-3         .         .           3 rows
      done 4-6         .         .           3 rows
      send             1-3       .           3 rows
      done 1-3         .         1-3, 4-6    3 rows
      `,
    ))

  test('that is held sends nothing before its time', () =>
    check(
      1,
      `
      at     event        ->  sends     emits       holds
      0      push 1-2         .         .           2 rows
      0      hold 100         .         .           2 rows
      99     send             .         .           2 rows
      100    send             1-2       .           0 rows
      `,
    ))
})
