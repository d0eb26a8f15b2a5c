/** How the status of a running job reads: what it is about first, then its way through sources, stages and sinks. Pure. */
import {
  type BeyondReport,
  type EpochStatus,
  type JobStatus,
  type SourceStatus,
  type WorkersStatus,
} from '../runtime/index.js'
import { aligned } from './aligned.js'
import { short, time, whole } from './progress.js'

/** Several lines, no final newline. */
export function statusText(status: JobStatus): string {
  const { job, state, seconds, pid, stages, workers } = status
  return [
    `job "${job}" ${state} for ${time(seconds)}, process ${pid}${again(status.restarts)}`,
    ...(status.epochs === null ? [] : [`  ${epochText(status.epochs)}`]),
    ...(status.epochs?.waitsForDisk === true ? [`  ${fullText}`] : []),
    ...rowsTable(status),
    '',
    ...table(
      ['source', 'rows', 'behind'],
      'lrr',
      status.sources.map(s => [s.id, whole(s.rows), lagText(s)]),
    ),
    ...table(
      ['stage', 'rows in', 'rows out', 'rows/s', 'calls', 'busy', 'back-pressured', 'waiting', 'state'],
      'lrrrrrrrr',
      stages.map(s => [
        s.operators.join(', '),
        whole(s.rowsIn),
        whole(s.rowsOut),
        short(s.rowsInPerSecond.lastSecond),
        whole(s.calls),
        share(s.busyTimeMsPerSecond),
        share(s.backPressuredTimeMsPerSecond),
        whole(s.queueRows),
        s.stateBytes === 0 ? '' : bytes(s.stateBytes),
      ]),
    ),
    ...table(
      ['state of', 'may take', 'keys in memory', 'entries beyond it', 'read', 'of them found', 'left'],
      'lrrrrrr',
      stages.flatMap(({ operators, beyond }) =>
        beyond === null ? [] : [[operators.join(', '), ...beyondText(beyond)]],
      ),
    ),
    ...stages.flatMap(s => (s.held === null ? [] : [`  ${heldText(s.id, s.held)}`])),
    ...table(
      ['sink', 'rows', 'waiting'],
      'lrr',
      status.sinks.map(s => [s.id, whole(s.rows), whole(s.queueRows)]),
    ),
    ...table(
      ['dead letters of', 'rows'],
      'lr',
      status.deadByOperator.map(d => [d.operator, whole(d.rows)]),
    ),
    ...workersTable(workers),
  ].join('\n')
}

const beyondText = ({ budgetBytes, keys, entries, asked, found, left }: BeyondReport): readonly string[] => [
  // A run without a budget leaves what lies there where it is.
  budgetBytes === Number.MAX_SAFE_INTEGER ? 'no limit' : bytes(budgetBytes),
  ...[keys, entries, asked, found, left].map(whole),
]

const again = (restarts: number): string => {
  if (restarts === 0) return ''
  return `, begun again ${restarts === 1 ? 'once' : `${restarts} times`} after a failure`
}

/** Also what `anabranch workers` prints. */
export function workersTable(workers: WorkersStatus): readonly string[] {
  const { min, max, byLoad, wanted, spares, restarts } = workers
  const limits = byLoad ? `${min} to ${max} by load` : `at most ${max}`
  return [
    ...table(
      ['worker', 'pid', 'state', 'leases', 'calls', 'memory'],
      'rrlrrr',
      workers.list.map(w => [
        String(w.worker),
        w.pid === null ? '' : String(w.pid),
        w.state,
        String(w.leases),
        whole(w.calls),
        w.rssBytes === 0 ? '' : bytes(w.rssBytes),
      ]),
    ),
    `  ${wanted} wanted (${limits}), ${spares} spare, ${restarts} replaced`,
  ]
}

/** With its heading; nothing where there is no row. */
function table(heads: readonly string[], sides: string, rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : aligned([heads, ...rows], sides).map(line => `  ${line}`)
}

function rowsTable({ rowsIn, rowsOut, rowsDead, rowsInPerSecond, rowsOutPerSecond }: JobStatus): readonly string[] {
  const rates = (rate: JobStatus['rowsInPerSecond']): readonly string[] => [
    `${short(rate.lastSecond)}/s`,
    `${short(rate.lastMinute)}/s in a minute`,
  ]
  const rows = [
    ['rows in', whole(rowsIn), ...rates(rowsInPerSecond)],
    ['rows out', whole(rowsOut), ...rates(rowsOutPerSecond)],
    ['rows dead', whole(rowsDead)],
  ]
  return aligned(rows, 'lrrl').map(line => `  ${line}`)
}

function epochText({ epoch, ageMs, lastCutMs, delayedBy, open }: EpochStatus): string {
  const cut = lastCutMs === null ? '' : `, last cut ${Math.round(lastCutMs)} ms`
  const why = delayedBy === null ? '' : ` (waited for ${delayedBy})`
  return `epoch ${epoch} open for ${time(ageMs / 1_000)}${cut}${why}, ${open} prepared and not finished`
}

const fullText = 'the disk of its state is nearly full: no more rows are read until there is room'

const heldText = (id: string, { lanes, forMs, reason }: NonNullable<JobStatus['stages'][number]['held']>): string =>
  `${id}: ${lanes === 1 ? '1 lane waits' : `${lanes} lanes wait`} for a service, for ${time(forMs / 1_000)}: ${reason}`

function lagText({ lag }: SourceStatus): string {
  if (lag === null) return ''
  return lag.unit === 'bytes' ? bytes(lag.count) : `${whole(lag.count)}${lag.unit === null ? '' : ' rows'}`
}

const share = (msPerSecond: number): string => `${Math.round(msPerSecond / 10)} %`

function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const at = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 2 ** (10 * at)
  return `${value < 10 && at > 0 ? value.toFixed(1) : Math.round(value)} ${units[at] ?? ''}`
}
