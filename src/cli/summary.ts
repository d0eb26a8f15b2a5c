/** What a person reads when a run is done, and what a program reads with `--json`. */
import { relative } from 'node:path'
import { type CheckReport, type EpochsReport, type RunOutput, type RunResult } from '../runtime/index.js'
import { counted, time, whole } from './progress.js'

/** The one JSON object of `--json`, names as fixed. */
export function summaryJson(result: RunResult): Readonly<Record<string, unknown>> {
  return {
    rows_in: result.rowsIn,
    rows_out: result.rowsOut,
    rows_dead: result.rowsDead,
    seconds: Number(result.seconds.toFixed(3)),
    outputs: result.outputs.map(({ sink, path, rows }) => ({ sink, path, rows })),
    dead_by_reason: result.deadByReason,
    flow_seconds: result.flowSeconds,
    checksums: result.checksums,
    counters: result.counters,
    checks: result.checks,
    epochs: epochsJson(result.epochs),
    ...(result.rowsBefore > 0 && { rows_before: result.rowsBefore }),
    ...(result.restarts > 0 && { restarts: result.restarts }),
    ...(result.drained && { drained: true, finished: result.end === 'finished' }),
  }
}

function epochsJson(epochs: EpochsReport | null): Readonly<Record<string, unknown>> | null {
  if (epochs === null) return null
  const { count, cutsMs, bytesWritten, bytesChanged, bytesBeyond, resumedFrom, openMs, restoreMs } = epochs
  const cutMs = (share: number): number | null => cutsMs[Math.max(0, Math.ceil(cutsMs.length * share) - 1)] ?? null
  return {
    count,
    cut_ms_p50: cutMs(0.5),
    cut_ms_p99: cutMs(0.99),
    cut_ms_max: cutMs(1),
    bytes_written: bytesWritten,
    bytes_changed: bytesChanged,
    bytes_beyond: bytesBeyond,
    resumed_from: resumedFrom,
    open_ms: openMs,
    restore_ms: restoreMs,
  }
}

export interface SummaryContext {
  readonly job: string
  readonly out: string
  readonly cwd: string
}

/** Several lines, no final newline. */
export function summaryText(result: RunResult, { job, out, cwd }: SummaryContext): string {
  const rate = result.seconds > 0 ? (result.rowsIn - result.rowsBefore) / result.seconds : 0
  const rows: (readonly [string, number])[] = [
    ['rows in', result.rowsIn],
    ['rows out', result.rowsOut],
    ['rows dead', result.rowsDead],
  ]
  const reasons = Object.entries(result.deadByReason).sort((a, b) => b[1] - a[1])
  const width = Math.max(...[...rows, ...reasons].map(([, count]) => whole(count).length))
  const line = ([name, count]: readonly [string, number], indent: string): string =>
    `${indent}${name.padEnd(12 - indent.length)}${whole(count).padStart(width)}`
  const reasonLines = reasons.slice(0, 20).map(([reason, count]) => `    ${whole(count).padStart(width)}  ${reason}`)
  const done = result.end === 'finished' ? 'done' : 'not finished'
  const how = result.resumable ? 'with an epoch that holds all that counts here' : 'after it had finished what was read'
  const stopped = result.drained ? `, stopped ${how}` : ''
  return [
    `job "${job}" ${done} in ${time(result.seconds)}, ${whole(rate)} rows/s${stopped}`,
    ...nextLines(result),
    ...rows.map(row => line(row, '  ')),
    ...reasonLines,
    ...(result.rowsDead > 0
      ? [`  dead letters in ${near(out, cwd)}/dead-letters: npx anabranch dlq list ${near(out, cwd)}`]
      : []),
    ...outputLines(result.outputs, cwd),
    ...result.checks.flatMap(checkLines),
  ].join('\n')
}

/** What the next run does, where that is not to begin anew over a finished one. */
function nextLines({ resumable, end }: RunResult): readonly string[] {
  if (resumable) return ['  the next run goes on here; with --fresh it begins anew']
  return end === 'finished' ? [] : ['  the output of an earlier finished run stays; the next run begins anew']
}

/** A table: one line a rule. */
function checkLines({ check, rows, failed, rules }: CheckReport): readonly string[] {
  const cells = rules.map(({ rule, failed: count, ratio }) => [whole(count), `${(ratio * 100).toFixed(2)} %`, rule])
  const width = (at: number): number => Math.max(...cells.map(row => (row[at] ?? '').length))
  const lines = cells.map(([count = '', ratio = '', rule = '']) => {
    return `    ${count.padStart(width(0))}  ${ratio.padStart(width(1))}  ${rule}`
  })
  return [`  check "${check}": ${whole(failed)} of ${whole(rows)} rows failed`, ...lines]
}

/** One line a sink: its files, or the folder and their number. */
function outputLines(outputs: readonly RunOutput[], cwd: string): readonly string[] {
  const bySink = new Map<string, RunOutput[]>()
  for (const output of outputs) bySink.set(output.sink, [...(bySink.get(output.sink) ?? []), output])
  return [...bySink].map(([sink, files]) => {
    const rows = counted(
      files.reduce((sum, file) => sum + file.rows, 0),
      'row',
    )
    const [first] = files
    const place = first === undefined ? '' : near(first.path, cwd)
    const more = files.length > 1 ? ` and ${files.length - 1} more` : ''
    return `  ${sink}: ${rows} in ${place}${more}`
  })
}

/** The shorter of the path from here and the path itself. */
export function near(path: string, cwd: string): string {
  if (!path.startsWith('/')) return path
  const short = relative(cwd, path)
  return short !== '' && short.length < path.length ? short : path
}
