/**
 * The property of the product: the same input gives the same rows and the same dead letters for every batch size,
 * worker count, lane count and fault schedule, in order for each split and key. (The engine cannot tell row mode from
 * vectorised code but by its dead rows; with real workers both are in test/system/same-rows.test.ts.)
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Simulated,
  type SimulationOptions,
  faultsOf,
  noFaults,
  rowText,
  simulate,
  textOf,
} from '../../src/testing/index.js'
import { Chance } from '../../src/testing/simulation/chance.js'
import { drawJob } from '../../src/testing/simulation/job.js'

/** One way to run a job. */
const schedule = fc.record({
  seed: fc.nat(1_000_000),
  faults: fc.boolean(),
  rowsMax: fc.constantFrom(1, 2, 7, 64, 1_000),
  lanes: fc.constantFrom(1, 2, 5, 16),
  workersMax: fc.constantFrom(1, 2, 4),
  creditPerWorker: fc.constantFrom(1, 2, 3),
  spares: fc.constantFrom(0, 1),
  setWorkers: fc.array(fc.record({ atMs: fc.nat(1_500), workers: fc.integer({ min: 1, max: 6 }) }), { maxLength: 6 }),
})
type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never

function run(input: number, way: Schedule): Promise<Simulated> {
  const { seed, rowsMax, lanes, workersMax, creditPerWorker, spares, setWorkers } = way
  const drawn = way.faults ? faultsOf(seed) : noFaults
  // A drain ends the input earlier: then it is not the same input.
  const faults = new Map([...drawn].filter(([kind]) => kind !== 'drain'))
  const pool = {
    workersMin: null,
    workersMax,
    creditPerWorker,
    spares,
    failedStartsMax: 40,
    alikeStartsMax: 40,
    spareDelayMs: 0,
    recycleBytes: 5e8,
  }
  const options: SimulationOptions = {
    seed,
    input,
    expires: false,
    faults,
    setWorkers,
    terms: { rowsMax, lanes, pool },
  }
  return simulate(options)
}

/** What the property must have met to say what it says: kinds of vertices and operators, and of ways to run them. */
const kinds = [
  ...['union', 'select', 'stage', 'keyed stage', 'chain', 'several sinks', 'transform', 'filter', 'flat_map'],
  ...['side output', 'at_end', 'dead rows', 'no dead rows', 'faults', 'no faults'],
  ...[1, 2, 7, 64, 1_000].map(rows => `${rows} rows a batch`),
  ...[1, 2, 5, 16].map(lanes => `${lanes} lanes`),
  ...[1, 2, 4].map(workers => `${workers} workers`),
  ...['fewer workers on the way', 'more workers on the way'],
]

function kindsOf(input: number, ways: readonly Schedule[], { letters }: Simulated): readonly string[] {
  const { vertices } = drawJob(new Chance(input, 1), new Chance(input, 6), false).topology
  const stages = vertices.filter(vertex => vertex.kind === 'stage')
  const operators = stages.flatMap(stage => stage.operators)
  const holds = (kind: string, is: boolean): readonly string[] => (is ? [kind] : [])
  return [
    ...vertices.map(vertex => vertex.kind),
    ...holds(
      'keyed stage',
      stages.some(stage => stage.key !== null),
    ),
    ...holds(
      'chain',
      stages.some(stage => stage.operators.length > 1),
    ),
    ...holds('several sinks', vertices.filter(vertex => vertex.kind === 'sink').length > 1),
    ...operators.map(({ fn }) => fn.kind),
    ...holds(
      'side output',
      operators.some(({ sides }) => sides.some(side => side.consumed)),
    ),
    ...holds(
      'at_end',
      operators.some(({ fn }) => fn.atEnd),
    ),
    letters.length > 0 ? 'dead rows' : 'no dead rows',
    ...ways.flatMap(way => [
      way.faults ? 'faults' : 'no faults',
      `${way.rowsMax} rows a batch`,
      `${way.lanes} lanes`,
      `${way.workersMax} workers`,
      ...holds(
        'fewer workers on the way',
        way.setWorkers.some(({ workers }) => workers < way.workersMax),
      ),
      ...holds(
        'more workers on the way',
        way.setWorkers.some(({ workers }) => workers > way.workersMax),
      ),
    ]),
  ]
}

/** Everything that a reader can see, where order between keys is not promised sorted by key, stably. */
function seen(result: Simulated): Record<string, readonly string[]> {
  const sinks = [...result.sinks].map(([sink, rows]) => {
    const order = result.order.get(sink) ?? null
    const keyOf = (row: (typeof rows)[number]): string => order?.map(c => String(row[c] ?? '-')).join('|') ?? ''
    // A summary of two key columns may have one of them: between such rows there is no order.
    const whole = order?.every(c => rows.every(row => c in row)) ?? true
    const texts = rows.map(row => [keyOf(row), rowText(row)] as const)
    const sorted = texts.toSorted(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : whole ? 0 : x < y ? -1 : 1))
    return [sink, sorted.map(([, text]) => text)] as const
  })
  return { ...Object.fromEntries(sinks), 'dead letters': result.letters.map(textOf).toSorted() }
}

describe('the same input', () => {
  test('gives the same rows, in order for each key, and the same dead letters, however it is run', {
    timeout: 120_000,
  }, async () => {
    const met = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.nat(100_000), schedule, schedule, async (input, one, other) => {
        const [a, b] = [await run(input, one), await run(input, other)]
        for (const kind of kindsOf(input, [one, other], a)) met.add(kind)
        expect([a.wrong, b.wrong]).toEqual([[], []])
        expect(seen(a)).toEqual(seen(b))
      }),
      { numRuns: 100, seed: 20_251_124 },
    )
    expect(kinds.filter(kind => !met.has(kind))).toEqual([])
  })

  test('is told from another input', async () => {
    const way: Schedule = {
      seed: 1,
      faults: false,
      rowsMax: 64,
      lanes: 2,
      workersMax: 1,
      creditPerWorker: 1,
      spares: 1,
      setWorkers: [],
    }
    const all = new Set<string>()
    for (let input = 50; input < 70; input += 1) all.add(JSON.stringify(seen(await run(input, way))))
    expect(all.size).toBeGreaterThan(15)
  })
})
