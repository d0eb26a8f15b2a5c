/**
 * The benchmarks as a table. `target` is the ratio to the baseline that a well-built host reaches; `check` the sum over
 * the output that belongs to the input, null where the sink writes files that another test compares.
 */
export interface Bench {
  readonly name: string
  /** Key in job.ts. */
  readonly job: string
  readonly baseline: string
  readonly input: string
  readonly rows: number
  readonly workers: number
  readonly target: number
  readonly check: number | null
  readonly bytesPerRow: number
}

const b1 = { input: 'b1.parquet', workers: 1, bytesPerRow: 16 } as const
const b3 = { rows: 5_000_000, bytesPerRow: 24, check: -123598.671229 } as const
const b3u = { ...b3, check: 733658.003423 } as const
const j = { input: 'j1.jsonl', rows: 2_000_000, workers: 1, bytesPerRow: 99 } as const

const b2 = (size: string, rows: number, bytesPerRow: number, targets: readonly [number, number]): readonly Bench[] =>
  targets.map((target, i) => ({
    name: `B2 ${size} ${i === 0 ? 'one worker' : 'two workers'}`,
    job: `b2_${size}`,
    baseline: `b2_${size}`,
    input: `b2_${size}.jsonl`,
    rows,
    workers: i + 1,
    target,
    check: null,
    bytesPerRow,
  }))

export const benches: readonly Bench[] = [
  {
    ...b1,
    name: 'B1 5 ns a row',
    job: 'b1',
    baseline: 'b1',
    rows: 50_000_000,
    target: 0.2,
    check: 5 * 11615179.657048,
  },
  {
    ...b1,
    name: 'B1 40 ns a row',
    job: 'b1_40',
    baseline: 'b1_40',
    rows: 10_000_000,
    target: 0.8,
    check: 26097336.146466,
  },
  ...b2('100', 2_000_000, 100, [0.92, 1.7]),
  ...b2('1k', 1_000_000, 1_024, [0.8, 1.35]),
  ...b2('10k', 200_000, 10_240, [0.65, 1.1]),
  { ...b3, name: 'B3 Zipf scan', job: 'b3_scan', baseline: 'b3_scan', input: 'b3.parquet', workers: 1, target: 0.7 },
  {
    ...b3,
    name: 'B3 Zipf rounds',
    job: 'b3_rounds',
    baseline: 'b3_rounds',
    input: 'b3.parquet',
    workers: 1,
    target: 0.8,
  },
  {
    ...b3,
    name: 'B3 Zipf row one worker',
    job: 'b3_row',
    baseline: 'b3_row',
    input: 'b3.parquet',
    workers: 1,
    target: 0.75,
  },
  {
    ...b3,
    name: 'B3 Zipf row two workers',
    job: 'b3_row',
    baseline: 'b3_row',
    input: 'b3.parquet',
    workers: 2,
    target: 1,
  },
  {
    ...b3u,
    name: 'B3 uniform scan',
    job: 'b3u_scan',
    baseline: 'b3u_scan',
    input: 'b3u.parquet',
    workers: 1,
    target: 0.7,
  },
  {
    ...b3u,
    name: 'B3 uniform rounds',
    job: 'b3u_rounds',
    baseline: 'b3u_rounds',
    input: 'b3u.parquet',
    workers: 1,
    target: 0.8,
  },
  {
    ...b3u,
    name: 'B3 uniform row one worker',
    job: 'b3u_row',
    baseline: 'b3u_row',
    input: 'b3u.parquet',
    workers: 1,
    target: 0.75,
  },
  { ...j, name: 'J1 against the orjson loop, file to file', job: 'j1', baseline: 'j1_file', target: 4, check: null },
  { ...j, name: 'J1 against DuckDB, file to file', job: 'j1', baseline: 'j1_duckdb', target: 1.5, check: null },
  { ...j, name: 'J2 against the orjson loop in memory', job: 'j2', baseline: 'j1', target: 9, check: 1348958.748748 },
]
