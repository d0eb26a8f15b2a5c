/** `anabranch run`: loads a job, runs it, says how it went. */
import { dirname, join, resolve } from 'node:path'
import { AnabranchError, type Observer } from '../base/index.js'
import { controlSocket } from '../control/index.js'
import { Metrics } from '../metrics/index.js'
import { type Plan, type RestartPolicy, epochMsMin, msOf } from '../plan/index.js'
import {
  type Progress,
  type RunOptions,
  type RunResult,
  StoppedError,
  openWorld,
  pythonFor,
  runJob,
} from '../runtime/index.js'
import { type Command, type Terminal, oneWord, usageError, wholeOption, wordsOf } from './command.js'
import { type Ends, endsOf, withEnds } from './ends.js'
import { exitCodes } from './exit-codes.js'
import { type LoadedJob, fileOf, loadJob } from './load-job.js'
import { isWorthALine, progressLine } from './progress.js'
import { errorJson, renderError } from './render.js'
import { budgetFrom, withBudget } from './budget-option.js'
import { restartFrom, withRestart } from './restart-option.js'
import { type Signals, listenForSignals } from './signals.js'
import { near, summaryJson, summaryText } from './summary.js'
import { rangeOf } from './worker-range.js'

export const run: Command = {
  name: 'run',
  usage: 'run JOB.ts [--json] [--workers N|MIN..MAX] [--lanes N] [--batch-rows N] [--set name=value] [--out DIR] ...',
  summary: 'run a job to the end of its input, or until Ctrl-C: with 0 where that input has no end, else with 130',
  options: [
    '--json               the last line of stdout is one JSON object: rows_in rows_out rows_dead seconds outputs',
    '--workers N          most Python processes at once; default: the cores, at most 8',
    '--workers 1..8       the same by load: never fewer than the first, never more than the second',
    '--restart POLICY     fixed-delay,attempts=3,delay=10s; exponential-delay; failure-rate; none; with the fields of the job option; default: as the job says',
    '--metrics-port N     serve Prometheus metrics at http://127.0.0.1:N/metrics; 0: at a free port',
    '--spares N           warm workers that wait for the loss of another one; default: 1',
    '--lanes N            partitions that are processed in order; default: 4 times the workers',
    '--batch-rows N       most rows that one call gets; default: chosen while running',
    '--set name=value     a parameter of the job, read by the type of its value in the job; may be given several times',
    '--out DIR            folder of the outputs; default: ./out/<job>',
    '--epoch TIME         from one commit of state, positions and output to the next, from 50ms on; off: none; default: what the job says, else 1s',
    '--state-budget SIZE  memory for keys and state, such as 512MiB; more lies on disk; off: no limit; default: as the job says',
    '--fresh              begin anew, where an unfinished run would be gone on with',
    '--from SAVEPOINT     begin at a savepoint, with other workers, lanes, folders or code; a run that began there goes on',
    '--rewind             with --from: also where a sink has more than the savepoint, which is written twice then',
    '--drop-state ID      leave behind what is kept of an operator, source or sink that the job has no more; may be given several times',
    '--capture-every N    keep one of N calls in DIR/captures, for anabranch replay; at most 1,000 a run',
    '--capture-slow MS    keep the calls whose functions take MS milliseconds or more',
    '--input id=FILE      read a source from another file: .jsonl, .csv, .avro, .parquet, .arrow; may be given several times',
    '--write FORMAT       json, parquet or arrow: every sink writes files to DIR/sinks/<id> instead of where the job says',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(run, args, {
      json: { type: 'boolean' },
      workers: { type: 'string' },
      spares: { type: 'string' },
      'metrics-port': { type: 'string' },
      restart: { type: 'string' },
      lanes: { type: 'string' },
      'batch-rows': { type: 'string' },
      set: { type: 'string', multiple: true },
      out: { type: 'string' },
      epoch: { type: 'string' },
      'state-budget': { type: 'string' },
      fresh: { type: 'boolean' },
      from: { type: 'string' },
      rewind: { type: 'boolean' },
      'drop-state': { type: 'string', multiple: true },
      'capture-every': { type: 'string' },
      'capture-slow': { type: 'string' },
      input: { type: 'string', multiple: true },
      write: { type: 'string' },
    })
    const path = oneWord(run, positionals, 'a job file')
    if (values.out === '') throw usageError(run, '--out needs the path of a folder, but it is empty')
    const limits = {
      workers: values.workers === undefined ? null : rangeOf(run, '--workers', values.workers),
      metricsPort: wholeOption(run, 'metrics-port', values['metrics-port'], { least: 0, most: 65_535 }),
      spares: wholeOption(run, 'spares', values.spares, { least: 0, most: 64 }),
      lanes: wholeOption(run, 'lanes', values.lanes, { least: 1, most: 32_768 }),
      batchRows: wholeOption(run, 'batch-rows', values['batch-rows'], { least: 1, most: 1_000_000 }),
    }
    const captures = {
      every: wholeOption(run, 'capture-every', values['capture-every'], { least: 1, most: 1_000_000_000 }),
      slowMs: wholeOption(run, 'capture-slow', values['capture-slow'], { least: 0, most: 1_000_000_000 }),
    }
    const ends = endsOf(run, { input: values.input ?? [], write: values.write })
    const epochs = { epoch: epochOption(values.epoch), fresh: values.fresh === true, ...beginOf(values) }
    const restart = values.restart === undefined ? undefined : restartFrom(values.restart)
    const given = values['state-budget']
    const stateBudget = given === undefined ? undefined : budgetFrom(run, given)
    const asked = { ...limits, ...epochs, stateBudget, captures, restart, out: values.out, json: values.json === true }
    return runTo(await prepare(path, values.set ?? [], ends), asked, terminal)
  },
}

interface Asked {
  readonly workers: RunOptions['workers']
  readonly spares: number | null
  readonly metricsPort: number | null
  readonly lanes: number | null
  readonly batchRows: number | null
  readonly captures: RunOptions['captures']
  /** Undefined: what the job says. */
  readonly epoch: number | null | undefined
  /** Undefined: what the job says; null: no limit. */
  readonly stateBudget: number | null | undefined
  readonly fresh: boolean
  readonly from: string | null
  readonly rewind: boolean
  readonly dropState: readonly string[]
  /** Undefined: as the job says. */
  readonly restart: RestartPolicy | null | undefined
  readonly out: string | undefined
  readonly json: boolean
}
interface Prepared {
  readonly loaded: LoadedJob
  readonly python: string
}

/** Where the run begins. */
function beginOf(values: {
  readonly from?: string | undefined
  readonly rewind?: boolean | undefined
  readonly 'drop-state'?: readonly string[] | undefined
}): Pick<Asked, 'from' | 'rewind' | 'dropState'> {
  const { from, rewind = false } = values
  if (from === '') throw usageError(run, '--from needs the folder of a savepoint, but it is empty')
  if (rewind && from === undefined) throw usageError(run, '--rewind says how to begin at a savepoint: give --from')
  return { from: from === undefined ? null : resolve(from), rewind, dropState: values['drop-state'] ?? [] }
}

/** Signals are listened to from here on: before, there is nothing to finish, and a job file may never load. */
async function runTo({ loaded, python }: Prepared, asked: Asked, terminal: Terminal): Promise<number> {
  const restarting = asked.restart === undefined ? loaded.plan : withRestart(loaded.plan, asked.restart)
  const plan = withBudget(restarting, asked)
  const limits = { ...asked, python, out: resolve(asked.out ?? join('out', plan.job)) }
  const signals = listenForSignals(terminal)
  try {
    const result = await start(plan, limits, signals, terminal)
    terminal.err(summaryText(result, { job: plan.job, out: limits.out, cwd: process.cwd() }))
    if (asked.json) terminal.out(JSON.stringify(summaryJson(result)))
    else await printOwnSummary(loaded, { ...result, out: limits.out, python }, terminal)
    return exitCodeOf(result, signals)
  } catch (error) {
    if (error instanceof AnabranchError) error.nameFolder(near(limits.out, process.cwd()))
    const stopped = error instanceof StoppedError || (signals.second.aborted && error instanceof AnabranchError)
    if (!stopped) throw error
    if (asked.json) terminal.out(JSON.stringify({ error: errorJson(error) }))
    terminal.err(renderError(error, plan.folder))
    return signals.code() ?? exitCodes.interrupted
  } finally {
    signals.close()
  }
}

/** Finding Python takes as long as loading the job: both at once. */
async function prepare(path: string, sets: readonly string[], ends: Ends): Promise<Prepared> {
  const folder = dirname(fileOf(path))
  const world = openWorld()
  try {
    const [loaded, python] = await Promise.allSettled([loadJob(path, sets), pythonFor(folder, world)])
    if (loaded.status === 'rejected') throw loaded.reason
    if (python.status === 'rejected') throw python.reason
    return { loaded: { ...loaded.value, plan: withEnds(loaded.value.plan, ends) }, python: python.value }
  } finally {
    await world.close()
  }
}

/** Undefined: not given; null: no epochs. */
function epochOption(given: string | undefined): number | null | undefined {
  if (given === undefined) return undefined
  if (given === 'off') return null
  const ms = msOf(given)
  if (ms !== null && ms >= epochMsMin) return ms
  throw usageError(
    run,
    `--epoch needs a time from ${epochMsMin}ms on such as 500ms or 10s, or off, but it is "${given}"`,
  )
}

interface Limits extends Omit<Asked, 'out' | 'restart' | 'json' | 'epoch' | 'stateBudget'> {
  readonly out: string
  readonly python: string
}

async function start(plan: Plan, limits: Limits, signals: Signals, terminal: Terminal): Promise<RunResult> {
  let told: Progress | null = null
  const onProgress = (progress: Progress): void => {
    if (terminal.interactive) return terminal.status(progressLine(progress, terminal.columns))
    if (!isWorthALine(progress, told)) return
    told = progress
    terminal.err(progressLine(progress, 120))
  }
  try {
    const { metricsPort, workers, spares, lanes, batchRows, captures, fresh, from, rewind, dropState, out, python } =
      limits
    return await runJob(plan, {
      workers,
      spares,
      lanes,
      batchRows,
      captures,
      epochMs: plan.options.epochMs,
      stateBudgetBytes: plan.options.stateBudgetBytes,
      fresh,
      from,
      rewind,
      dropState,
      out,
      python,
      onProgress,
      ...listeners(metricsPort, terminal),
      signal: signals,
    })
  } finally {
    terminal.status('')
  }
}

/** Who hears of the run, and who may ask it. */
function listeners(metricsPort: number | null, terminal: Terminal): Pick<RunOptions, 'observer' | 'attendants'> {
  const observer = observerOf(terminal)
  if (metricsPort === null) return { observer, attendants: [controlSocket] }
  const metrics = new Metrics(metricsPort, address => terminal.err(`metrics at ${address}`))
  return { observer: metrics.observing(observer), attendants: [controlSocket, metrics.serving] }
}

/** The log of a run, on stderr. */
function observerOf(terminal: Terminal): Observer {
  const verbose = (process.env['ANABRANCH_LOG'] ?? '') === 'debug'
  return {
    count: () => undefined,
    log: (level, message, fields) => {
      if (level === 'debug' && !verbose) return
      terminal.err(logLine(level, message, fields ?? {}))
    },
  }
}

/** `warning worker 2: message (transforms.py:12)`, and what else there is to know. */
function logLine(level: string, message: string, fields: Readonly<Record<string, unknown>>): string {
  const {
    worker,
    file,
    line,
    level: _level,
    message: _message,
    logger: _logger,
    stream: _stream,
    transform,
    ...others
  } = fields
  const who = [
    worker === undefined ? '' : ` worker ${String(worker)}`,
    transform === undefined || transform === '' ? '' : ` transform ${String(transform)}`,
  ].join('')
  const at = file === undefined || file === '' ? '' : ` (${String(file)}:${String(line)})`
  const more = Object.entries(others).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${level}${who}: ${message}${at}${more.join('')}`
}

/** What a job's own summary gets: the result, the folder of the outputs, and the Python that ran the transforms. */
type Finished = RunResult & Pick<Limits, 'out' | 'python'>

/** A job file may export `summary(run)`, which answers text for people: a table, a plot. Its failure is not the job's. */
async function printOwnSummary(loaded: LoadedJob, finished: Finished, terminal: Terminal): Promise<void> {
  if (typeof loaded.summary !== 'function') return
  try {
    const text: unknown = await loaded.summary(finished)
    if (typeof text === 'string' && text !== '') terminal.err(text)
  } catch (error) {
    terminal.err(`warning: the summary of ${loaded.file} could not be made: ${String(error)}`)
  }
}

/** A stream without an end is done when it was asked to stop; an input that has one was not read to it. */
const exitCodeOf = ({ end }: RunResult, signals: Signals): number =>
  end === 'finished' ? exitCodes.done : (signals.code() ?? exitCodes.interrupted)
