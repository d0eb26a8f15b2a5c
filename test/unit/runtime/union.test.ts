/** Unions: in which order they give rows, and that none waits for rows that cannot come. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFromRows } from '../../../src/batch/index.js'
import { type JobLike, files, job, json, nullSink, stagesOf } from '../../../src/plan/index.js'
import { Edge, edgeLimit } from '../../../src/runtime/flow/edge.js'
import { EpochGate } from '../../../src/runtime/flow/gate.js'
import { merged } from '../../../src/runtime/flow/merge.js'
import { orderingOf } from '../../../src/runtime/flow/ordering.js'
import { RowOrder, behindAll } from '../../../src/runtime/flow/row-order.js'
import { type Rows, sliceRows } from '../../../src/runtime/flow/rows.js'
import { UnionVertex } from '../../../src/runtime/flow/vertices.js'
import { type Schema } from '../../../src/schema/index.js'
import { cleanPlan, columns, fn } from '../plan/functions.js'

const schema: Schema = { fields: [{ name: 'from', type: { kind: 'utf8' } }] }

/** Rows by the name of their branch: `rows('left', [[0, 1], [0, 2]])` come from positions 1 and 2 of split 0. */
function rows(branch: string, places: readonly (readonly [split: number, position: number])[]): Rows {
  const origin = {
    kind: 'each',
    split: Int32Array.from(places, ([split]) => split),
    position: Float64Array.from(places, ([, position]) => position),
  } as const
  return {
    batch: batchFromRows(
      schema,
      places.map(([split, position]) => ({ from: `${branch} ${split}:${position}` })),
    ),
    origin,
  }
}

const placesOf = ({ origin }: Rows): readonly string[] =>
  origin.kind === 'run' ? [] : [...origin.split].map((split, i) => `${split}:${origin.position[i] ?? 0}`)

describe('a union gives its rows', () => {
  const source = (name: string) => job('t').from(files(`${name}/*`, json(columns('k utf8'))))
  const [a, b, c] = [source('a'), source('b'), source('c')]
  const keep = fn('keep', { kind: 'filter', in: 'k utf8' })
  const out = nullSink()

  const table: readonly (readonly [string, JobLike, readonly string[]])[] = [
    ['one input after the other, in order of declaration', b.union(a).to(out), ['declared']],
    ['by place where branches of one source flow together', a.union(a.filter(keep)).to(out), ['place']],
    ['by place where one of three shares a source', a.union(b).union(a.filter(keep)).to(out), ['declared', 'place']],
    [
      'in order of declaration wherever all unions agree, however they are nested',
      b
        .union(c)
        .to(out)
        .and(a.union(b.filter(keep)).to(out)),
      ['declared', 'declared'],
    ],
    [
      'by place where another union has the same sources the other way round',
      a.union(b).to(out).and(b.union(a).to(out)),
      ['declared', 'place'],
    ],
  ]

  test.each(table)('%s', (_, made, orders) => {
    const topology = stagesOf(cleanPlan(made))
    const bounded = new Set(topology.vertices.flatMap((v, i) => (v.kind === 'source' ? [i] : [])).keys())
    expect([...orderingOf(topology, bounded).unions.values()]).toEqual(orders)
  })

  test('as they come where a source has no end', () => {
    const topology = stagesOf(cleanPlan(a.union(b).to(out)))
    expect([...orderingOf(topology, new Set([0])).unions.values()]).toEqual(['arrival'])
  })
})

describe('rows of several branches', () => {
  const places = fc
    .array(fc.tuple(fc.nat(1), fc.nat(6)), { maxLength: 12 })
    .map(list => list.toSorted(([s, p], [t, q]) => s - t || p - q))
  const order = new RowOrder([0, 1], [])
  // Split 0 is of the source that goes last.
  order.ofSource(1, 0, 0)
  order.ofSource(0, 1, 0)
  const ranked = (branch: readonly (readonly [number, number])[]) => branch.toSorted(([s], [t]) => t - s)

  test('come together by place, those of one source row in order of the branches', () => {
    fc.assert(
      fc.property(fc.array(places, { minLength: 1, maxLength: 4 }), fc.nat(5), (branches, cut) => {
        const runs = branches.map((branch, i) => {
          const all = rows(`${i}`, ranked(branch))
          const at = Math.min(cut, branch.length)
          return [sliceRows(all, 0, at), sliceRows(all, at, branch.length)].filter(part => part.batch.rows > 0)
        })
        const wanted = branches.flatMap(ranked).toSorted(([s, p], [t, q]) => t - s || p - q)
        const out = merged(runs, order)
        expect(out === null ? [] : placesOf(out)).toEqual(wanted.map(([s, p]) => `${s}:${p}`))
      }),
      { numRuns: 300, seed: 20_251_125 },
    )
  })

  test('are taken up to the place that all branches have passed, and no further', () => {
    const queue = new Edge()
    queue.push(
      rows('left', [
        [0, 1],
        [0, 2],
      ]),
    )
    queue.push(
      rows('left', [
        [0, 4],
        [0, 5],
      ]),
    )
    expect(queue.takeBefore(order.ofSource(1, 0, 5), order).flatMap(placesOf)).toEqual(['0:1', '0:2', '0:4'])
    expect(queue.takeBefore(behindAll, order).flatMap(placesOf)).toEqual(['0:5'])
  })

  test('overtake none that waits for the next epoch while one is cut', () => {
    const gate = new EpochGate(2)
    const union = new UnionVertex('union', 2, ['from'], 'place', order, gate)
    const out = new Edge()
    union.output.connect(out)
    const [asRead, worked] = union.inputs
    asRead?.push({ ...rows('as read', [[1, 5]]), fresh: { source: 0, poll: 2 } })
    worked?.push(
      rows('worked', [
        [1, 4],
        [0, 1],
      ]),
    )
    for (const input of union.inputs) input.coming = behindAll
    const given = (): readonly string[] => (union.advance() ? out.take({ most: 9, together: 9 }).flatMap(placesOf) : [])

    gate.pass({ source: 0, poll: 1 })
    gate.pass({ source: 1, poll: 1 })
    gate.begin()
    expect([given(), given()]).toEqual([['1:4'], []])
    gate.widen(0, 2)
    expect(given()).toEqual(['1:5', '0:1'])
  })

  test('that all come from one source row never fill the queue before a union: the union waits for all of them', () => {
    const [before, elsewhere] = [new Edge(null, { wholeRows: true }), new Edge()]
    for (let i = 0; i < edgeLimit.batches; i += 1)
      for (const edge of [before, elsewhere]) edge.push(rows('x', [[0, 7]]))
    expect([before.room, elsewhere.room]).toEqual([true, false])
    before.push(rows('x', [[0, 8]]))
    expect(before.room).toBe(false)
  })
})
