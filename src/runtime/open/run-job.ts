/**
 * Run a job: from a plan to its result. The order is the promise: the folder is locked before anything is started, a
 * worker has opened the modules before a source is opened, every check is done before the first row.
 */
import { type Observer, PlanError } from '../../base/index.js'
import { BufferPool, type Memory } from '../../batch/index.js'
import {
  Captures,
  type EpochOutput,
  type NullSink,
  type Sink,
  type SinkFile,
  type Source,
  type OutputFolder,
  deadLetters,
  noEpochs,
  outputFolder,
} from '../../connectors/index.js'
import { type Plan, type SinkConnector, type Topology, openStages, stagesOf } from '../../plan/index.js'
import { type WorkerEvents, type WorkerProcess, startWorker } from '../../workers/index.js'
import { Engine } from '../flow/index.js'
import { type RunOptions, type RunResult } from '../options.js'
import { type Attendant } from '../running-job.js'
import { captureTerms } from './capture-terms.js'
import { makeSink, makeSource } from './connect.js'
import { Customs } from './custom.js'
import { armFailpoints } from './failpoints.js'
import { Host } from './host.js'
import { Running } from './running.js'
import { IoWorker } from './table-work.js'
import { packageFolder, packageVersion } from './package.js'
import { type RealWorld, openWorld } from './world.js'

const workersDefaultMax = 8
const lanesPerWorker = 4
const rowsMaxDefault = 32_768
const startTimeoutMs = 120_000
const mappingBytes = { user: 64 << 20, io: 128 << 20 } as const
const recycleBytesDefault = 2 * 2 ** 30
const progressMs = 250
/** Memory of batches that waits to be used again. */
const pooledBytesMax = 32 << 20

interface Opened {
  readonly world: RealWorld
  readonly topology: Topology
  readonly plan: Plan
  readonly options: RunOptions & {
    /** Variables of the environment that workers get, where failpoints are armed. */
    readonly failpoints: readonly string[]
  }
  readonly run: { readonly job: string; readonly token: string }
  readonly memory: Memory
}

export async function runJob(plan: Plan, asked: RunOptions): Promise<RunResult> {
  const counters: Record<string, number> = {}
  const options = { ...asked, observer: counting(asked.observer, counters), failpoints: armFailpoints(process.env) }
  const topology = stagesOf(plan)
  const world = openWorld()
  try {
    const folder = outputFolder({
      path: options.out,
      job: plan.job,
      pid: process.pid,
      files: world.files,
      clock: world.clock,
      random: world.random,
    })
    try {
      const run = { job: world.random.hex(8), token: world.random.hex(16) }
      const result = await runIn(
        { world, topology, plan, options, run, memory: new BufferPool(pooledBytesMax) },
        folder,
      )
      return { ...result, counters }
    } finally {
      folder.close()
    }
  } finally {
    await world.close()
  }
}

const counting = (observer: Observer, counters: Record<string, number>): Observer => ({
  log: observer.log.bind(observer),
  count: (name, by = 1, labels) => {
    counters[name] = (counters[name] ?? 0) + by
    observer.count(name, by, labels)
  },
})

type Result = Omit<RunResult, 'counters'>

async function runIn(opened: Opened, folder: OutputFolder): Promise<Result> {
  const { world, topology, options } = opened
  let incarnations = 0
  const incarnation = (): number => {
    incarnations += 1
    return incarnations
  }
  const io = new IoWorker(
    (n, events) => start(opened, 'io', n, events),
    incarnation,
    () => pidsChanged(),
  )
  const { folder: jobFolder, job } = opened.plan
  const customs = await Customs.of(topology, {
    folder: jobFolder,
    out: options.out,
    clock: world.clock,
    observer: options.observer,
  })
  const connecting = { world, options, io, customs, job, folder: jobFolder, memory: opened.memory }
  const sources = topology.vertices.filter(v => v.kind === 'source').map(v => makeSource(connecting, v))
  const sinks = topology.vertices.filter(v => v.kind === 'sink').map(v => makeSink(connecting, v))
  const letters = deadLetters({ out: options.out, files: world.files, observer: options.observer })
  const captures = new Captures('captures', { out: options.out, files: world.files, observer: options.observer })
  const host: Host = new Host({
    world,
    observer: options.observer,
    sources,
    sinks,
    letters,
    captures,
    incarnation,
    startUser: (n, events) => start(opened, 'user', n, events),
    pidsChanged: () => pidsChanged(),
  })
  const pidsChanged = (): void => folder.workers([...host.pids, ...(io.pid === null ? [] : [io.pid])])
  const engine = makeEngine(opened, sources, host)
  const vertices = topology.vertices.filter(v => v.kind === 'source')
  const running = new Running({ world, plan: opened.plan, vertices, sources, engine, host, epochStatus: () => null })
  const stopProgress = reportProgress(opened, { sources, engine, running })
  watchSignals(options, running)
  let attending: readonly Attending[] = []
  try {
    attending = await attend(opened, running, folder)
    await host.run(engine, () => openAll(sources, [letters, captures, ...sinks]))
    running.ended(engine.end)
    return resultOf(opened, { host, engine, sinks, running })
  } catch (error) {
    await Promise.allSettled(sinks.map(s => s.abort()))
    running.ended('failed')
    throw error
  } finally {
    stopProgress()
    await leave(attending)
    await Promise.allSettled(sources.map(s => s.close()))
    await Promise.allSettled([host.close(), io.close()])
    letters.close()
    captures.close()
  }
}

async function openAll(sources: readonly Source[], outputs: readonly EpochOutput[]): Promise<void> {
  const outcomes = await Promise.allSettled(sources.map(s => s.open()))
  const errors = outcomes.filter(o => o.status === 'rejected').map((o): unknown => o.reason)
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw allFaults(errors)
  for (const output of outputs) await output.open(noEpochs)
}

/** Faults of several sources, listed together. */
function allFaults(errors: readonly unknown[]): unknown {
  const plans = errors.filter(e => e instanceof PlanError)
  if (plans.length < errors.length) return errors.find(e => !(e instanceof PlanError))
  const faults = plans.flatMap(e =>
    e.faults.length > 0 ? e.faults : [{ code: e.code, message: e.message, place: e.detail, hint: e.hint }],
  )
  return new PlanError('ANB1000', `expected a plan without faults, found ${faults.length}`, { faults })
}

function makeEngine(opened: Opened, sources: readonly Source[], host: Host): Engine {
  const { plan, options, world, topology } = opened
  const workersMax = options.workers?.max ?? Math.min(world.threads.cores, workersDefaultMax)
  const memory = plan.options.workerMemoryBytes
  return new Engine(
    topology,
    {
      lanes: options.lanes ?? lanesPerWorker * workersMax,
      keyGroups: plan.options.keyGroups,
      rowsMax: options.batchRows ?? rowsMaxDefault,
      transientMaxMs: plan.options.transientMaxMs,
      maxDead: plan.options.maxDead,
      captures: captureTerms(plan, options),
      memory: opened.memory,
      bounded: new Set(sources.flatMap((s, i) => (s.bounded ? [i] : []))),
      pool: {
        workersMin: options.workers?.min ?? null,
        workersMax,
        creditPerWorker: 2,
        failedStartsMax: 5,
        alikeStartsMax: 2,
        recycleBytes: plan.options.recycleBytes ?? (memory === null ? recycleBytesDefault : memory * 0.75),
        spares: options.spares ?? 1,
        spareDelayMs: 100,
      },
    },
    host,
    options.observer,
  )
}

function start(opened: Opened, role: 'user' | 'io', incarnation: number, events: WorkerEvents): WorkerProcess {
  const { world, plan, options, topology, run } = opened
  const memoryBytes = role === 'user' ? (plan.options.workerMemoryBytes ?? 0) : 0
  const stages = role === 'user' ? openStages(topology) : []
  return startWorker(
    {
      world,
      python: options.python,
      packageFolder,
      packageVersion,
      folder: world.runFolder,
      cwd: plan.folder,
      job: run.job,
      token: run.token,
      incarnation,
      role,
      open: { job: plan.job, role, params: plan.params, memoryBytes, stages },
      mappingBytes: mappingBytes[role],
      memory: opened.memory,
      memoryBytes,
      startTimeoutMs,
      hostEnv: process.env,
      passEnv: options.failpoints,
    },
    events,
  )
}

function reportProgress(
  opened: Opened,
  of: { readonly sources: readonly Source[]; readonly engine: Engine; readonly running: Running },
): () => void {
  const { world, options } = opened
  let cancel = (): void => undefined
  const report = (): void => {
    const each = of.sources.map(s => s.progress())
    const known = each.every(p => p.total !== null)
    const share = each.map(p => (p.total === null || p.total === 0 ? 1 : p.done / p.total))
    options.onProgress({
      rowsIn: of.engine.ledger.rowsIn,
      rowsOut: of.engine.sinkRows.reduce((a, b) => a + b, 0),
      rowsDead: of.engine.ledger.rowsDead,
      done: known ? share.reduce((a, b) => a + b, 0) / Math.max(1, share.length) : null,
      seconds: of.running.seconds,
      workers: of.engine.activeWorkers,
    })
    cancel = world.clock.after(progressMs, report)
  }
  cancel = world.clock.after(progressMs, report)
  return () => cancel()
}

/** First signal: read no more. Second: stop. */
function watchSignals({ signal: { first, second } }: RunOptions, running: Running): void {
  if (first.aborted) running.drain()
  else first.addEventListener('abort', () => running.drain(), { once: true })
  second.addEventListener('abort', () => running.abort(), { once: true })
}

type Attending = Awaited<ReturnType<Attendant>>

/** One that cannot listen keeps the run from starting, and the others do not stay behind. */
async function attend(
  { world, options }: Opened,
  running: Running,
  folder: OutputFolder,
): Promise<readonly Attending[]> {
  const place = { out: options.out, runFolder: world.runFolder, world, announce: folder.listens }
  const outcomes = await Promise.allSettled(options.attendants.map(attendant => attendant(running, place)))
  const attending = outcomes.flatMap(o => (o.status === 'fulfilled' ? [o.value] : []))
  const refused = outcomes.find(o => o.status === 'rejected')
  if (refused === undefined) return attending
  await leave(attending)
  throw refused.reason
}

const leave = (attending: readonly Attending[]): Promise<unknown> => Promise.allSettled(attending.map(a => a.close()))

/** Where a sink writes: its folder, its address, or what a sink of the user's own says. */
function pathOf(connector: SinkConnector, out: string, files: readonly SinkFile[]): string {
  switch (connector.kind) {
    case 'files':
      return `${out}/${connector.path}`
    case 'socket':
      return connector.address
    case 'custom':
      return files[0]?.path ?? ''
    case 'null':
      return ''
  }
}

const isNullSink = (sink: Sink): sink is NullSink => 'checksum' in sink

function resultOf(
  opened: Opened,
  of: {
    readonly host: Host
    readonly engine: Engine
    readonly sinks: readonly Sink[]
    readonly running: Running
  },
): Result {
  const { world, topology, options } = opened
  const vertices = topology.vertices.filter(v => v.kind === 'sink')
  const outputs = vertices.map((vertex, i) => {
    const { connector } = vertex
    const files = of.host.outputs[i] ?? []
    const path = pathOf(connector, options.out, files)
    return { sink: vertex.id, path, rows: files.reduce((n, f) => n + f.rows, 0) }
  })
  const checksums = vertices.flatMap((vertex, i) => {
    const sink = of.sinks[i]
    return sink !== undefined && isNullSink(sink) ? [[vertex.id, sink.checksum] as const] : []
  })
  const { ledger } = of.engine
  return {
    rowsIn: ledger.rowsIn,
    rowsOut: outputs.reduce((n, o) => n + o.rows, 0),
    rowsDead: ledger.rowsDead,
    deadByReason: Object.fromEntries(ledger.deadByReason),
    seconds: of.running.seconds,
    flowSeconds: (world.clock.nowMs() - of.host.openedMs) / 1_000,
    outputs,
    checksums: Object.fromEntries(checksums),
    checks: of.engine.checks,
    drained: of.running.drained,
    end: of.engine.end,
  }
}
