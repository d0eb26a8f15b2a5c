/**
 * All metrics: name, meaning, and where the value comes from, in the order of the page. Base units as Prometheus wants them; every
 * sample has the label `pipeline`, the name of the job, since `job` is what a scraper calls its own target.
 */
import { type JobStatus } from '../runtime/index.js'
import { type Family, type Sample } from './exposition.js'

/** What is read when somebody asks. */
export interface Reading {
  readonly status: JobStatus
  /** What the observer was told, by name. */
  readonly events: ReadonlyMap<string, number>
  /** What transforms count with `ab.context().counter`. */
  readonly userCounters: ReadonlyMap<string, number>
  readonly host: { readonly rssBytes: number; readonly cpuSeconds: number }
}

type Read = (reading: Reading) => readonly Sample[]
export type Metric = Family & { readonly read: Read }

const one = (value: number | null): readonly Sample[] => (value === null ? [] : [{ labels: {}, value }])
const of = (label: string, values: Iterable<readonly [string, number | null]>): readonly Sample[] =>
  [...values].flatMap(([name, value]) => (value === null ? [] : [{ labels: { [label]: name }, value }]))

const counter = (name: string, help: string, read: Read): Metric => ({ name, type: 'counter', help, read })
const gauge = (name: string, help: string, read: Read): Metric => ({ name, type: 'gauge', help, read })

type Stage = JobStatus['stages'][number]
const stages =
  (value: (stage: Stage) => number): Read =>
  ({ status }) =>
    of(
      'stage',
      status.stages.map(stage => [stage.id, value(stage)]),
    )

/** Of stages whose state may be larger than memory. */
const beyond =
  (value: (beyond: NonNullable<Stage['beyond']>) => number): Read =>
  ({ status }) =>
    of(
      'stage',
      status.stages.map(stage => [stage.id, stage.beyond === null ? null : value(stage.beyond)]),
    )

const lag =
  (unit: 'bytes' | 'rows'): Read =>
  ({ status }) =>
    of(
      'source',
      status.sources.map(({ id, lag: behind }) => [id, behind?.unit === unit ? behind.count : null]),
    )

const epochs =
  (value: (epochs: NonNullable<JobStatus['epochs']>) => number | null): Read =>
  ({ status }) =>
    one(status.epochs === null ? null : value(status.epochs))

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000)

function workerStates({ workers }: JobStatus): ReadonlyMap<string, number> {
  const states = new Map<string, number>(['starting', 'ready', 'spare', 'draining', 'ending'].map(state => [state, 0]))
  for (const { state } of workers.list) states.set(state, (states.get(state) ?? 0) + 1)
  return states
}

const ofRows: readonly Metric[] = [
  counter('anabranch_rows_in_total', 'Records read, those that do not parse included.', r => one(r.status.rowsIn)),
  counter('anabranch_rows_out_total', 'Rows given to sinks.', r => one(r.status.rowsOut)),
  counter('anabranch_rows_dead_total', 'Rows read that are dead letters.', r => one(r.status.rowsDead)),
  counter('anabranch_dead_letters_total', 'Dead letters, by the operator or source that wrote them.', r =>
    of(
      'operator',
      r.status.deadByOperator.map(({ operator, rows }) => [operator, rows]),
    ),
  ),
  counter('anabranch_source_rows_total', 'Records read of a source.', r =>
    of(
      'source',
      r.status.sources.map(({ id, rows }) => [id, rows]),
    ),
  ),
  gauge('anabranch_source_lag_bytes', 'Bytes that are there and were not read yet, where that is known.', lag('bytes')),
  gauge('anabranch_source_lag_rows', 'Rows that are there and were not read yet, where that is known.', lag('rows')),
  counter('anabranch_sink_rows_total', 'Rows given to a sink.', r =>
    of(
      'sink',
      r.status.sinks.map(({ id, rows }) => [id, rows]),
    ),
  ),
  gauge('anabranch_sink_queue_rows', 'Rows that wait before a sink.', r =>
    of(
      'sink',
      r.status.sinks.map(({ id, queueRows }) => [id, queueRows]),
    ),
  ),
]

const ofStages: readonly Metric[] = [
  counter(
    'anabranch_stage_rows_in_total',
    'Rows that entered a stage.',
    stages(s => s.rowsIn),
  ),
  counter(
    'anabranch_stage_rows_out_total',
    'Rows that left a stage, by all its outputs.',
    stages(s => s.rowsOut),
  ),
  counter(
    'anabranch_stage_calls_total',
    'Calls to workers.',
    stages(s => s.calls),
  ),
  counter(
    'anabranch_stage_busy_seconds_total',
    'Time in which a call was out.',
    stages(s => s.busyMs / 1_000),
  ),
  counter(
    'anabranch_stage_back_pressured_seconds_total',
    'Time in which rows waited, no call was out and the outputs had no room.',
    stages(s => s.backPressuredMs / 1_000),
  ),
  gauge(
    'anabranch_stage_queue_rows',
    'Rows that wait before a stage and in its lanes.',
    stages(s => s.queueRows),
  ),
  gauge(
    'anabranch_stage_held_lanes',
    'Lanes whose rows wait for a service that is away.',
    stages(s => s.held?.lanes ?? 0),
  ),
  gauge(
    'anabranch_stage_held_seconds',
    'For how long the first of them does.',
    stages(s => (s.held?.forMs ?? 0) / 1_000),
  ),
  gauge(
    'anabranch_stage_state_bytes',
    'Memory of the keys of a stage and their state.',
    stages(s => s.stateBytes),
  ),
  gauge(
    'anabranch_stage_state_budget_bytes',
    'Memory that the keys of a stage and their state may take, where there is a limit.',
    beyond(b => b.budgetBytes),
  ),
  gauge(
    'anabranch_stage_state_keys',
    'Keys in memory, where their state may be larger than that.',
    beyond(b => b.keys),
  ),
  gauge(
    'anabranch_stage_state_beyond_entries',
    'Entries that keys have beyond memory.',
    beyond(b => b.entries),
  ),
  counter(
    'anabranch_stage_state_beyond_reads_total',
    'Keys that were looked up beyond memory.',
    beyond(b => b.asked),
  ),
  counter(
    'anabranch_stage_state_beyond_found_total',
    'Entries that were found there.',
    beyond(b => b.found),
  ),
  counter(
    'anabranch_stage_state_keys_left_total',
    'Keys that left memory.',
    beyond(b => b.left),
  ),
  counter(
    'anabranch_stage_state_beyond_expired_total',
    'Keys that were brought back since something of them had expired.',
    beyond(b => b.expired),
  ),
]

const ofEpochs: readonly Metric[] = [
  gauge(
    'anabranch_epoch',
    'Number of the open epoch.',
    epochs(e => e.epoch),
  ),
  gauge(
    'anabranch_epoch_age_seconds',
    'How long it is open.',
    epochs(e => seconds(e.ageMs)),
  ),
  gauge(
    'anabranch_epoch_last_cut_seconds',
    'From the cut of the last epoch to its PREPARE.',
    epochs(e => seconds(e.lastCutMs)),
  ),
  gauge(
    'anabranch_epochs_prepared',
    'Epochs that are prepared and not finished.',
    epochs(e => e.open),
  ),
  gauge(
    'anabranch_disk_nearly_full',
    '1 while nothing is read until the disk of the state has room again, else 0.',
    epochs(e => (e.waitsForDisk ? 1 : 0)),
  ),
]

const ofProcesses: readonly Metric[] = [
  gauge('anabranch_workers', 'Worker processes by their state.', r => of('state', workerStates(r.status))),
  gauge('anabranch_workers_wanted', 'Workers that shall have work now.', r => one(r.status.workers.wanted)),
  gauge('anabranch_workers_max', 'Most workers that may have work.', r => one(r.status.workers.max)),
  gauge('anabranch_workers_resident_bytes', 'Memory of all workers, as their last replies said.', r =>
    one(r.status.workers.list.reduce((n, { rssBytes }) => n + rssBytes, 0)),
  ),
  counter('anabranch_worker_restarts_total', 'Workers that were lost and replaced.', r =>
    one(r.status.workers.restarts),
  ),
  gauge('anabranch_host_resident_bytes', 'Memory of the host.', r => one(r.host.rssBytes)),
  counter('anabranch_host_cpu_seconds_total', 'CPU time of the host.', r => one(r.host.cpuSeconds)),
  gauge('anabranch_start_time_seconds', 'When the run began, in seconds since 1970.', r =>
    one(Date.parse(r.status.started) / 1_000),
  ),
  counter(
    'anabranch_events_total',
    'What the engine counts: leases sent again, replies dropped, frames refused, ...',
    r => of('event', r.events),
  ),
  counter('anabranch_user_total', 'What transforms count with ab.context().counter.', r =>
    of('counter', r.userCounters),
  ),
]

export const metrics: readonly Metric[] = [...ofRows, ...ofStages, ...ofEpochs, ...ofProcesses]

/** The table of README.md. */
export const metricsTable = (): string =>
  ['| Name | Type | |', '|---|---|---|', ...metrics.map(m => `| \`${m.name}\` | ${m.type} | ${m.help} |`)].join('\n')
