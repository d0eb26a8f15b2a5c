/**
 * One attempt of a run: everything is made, opened, run and closed again. Where the run has epochs, it goes on behind the
 * last one that was written, of an attempt before or of a run that died.
 */
import { PlanError } from '../../base/index.js'
import {
  Captures,
  type OutputFolder,
  type Source,
  type SourcePosition,
  deadLetters,
  noEpochs,
} from '../../connectors/index.js'
import { type Engine, type EpochParts } from '../flow/index.js'
import { type OpenStage, openStages } from '../../plan/index.js'
import { type WorkerEvents, type WorkerProcess } from '../../workers/index.js'
import { Checkpoints } from './checkpoints.js'
import { makeSink, makeSource } from './connect.js'
import { type Code, type Codes } from './codes.js'
import { Customs } from './custom.js'
import { type Drops, nothingStored } from './drops.js'
import { Host } from './host.js'
import { pointingAtSavepoint } from './last-savepoint.js'
import { type PusherOf, PythonPusher } from './python-pusher.js'
import { makeEngine } from './make-engine.js'
import { Migrating, migrationsOf } from './migrating.js'
import { type Opened } from './opened.js'
import { factsOf } from './plan-facts.js'
import { reportProgress } from './progress.js'
import { declaredValues } from './restore-state.js'
import { type Result, resultOf } from './result.js'
import { type Running } from './running.js'
import { startWorkerOf } from './start.js'
import { type Shadows } from './shadows.js'
import { type Swaps } from './swaps.js'
import { IoWorker } from './table-work.js'

/** Most epochs that are cut and not finished; then intake waits. */
const epochsOpenMax = 4
/** Bytes that wait in the sinks for a commit after which an epoch is cut before its time. */
const epochBytesMax = 256 << 20

type Parts = Awaited<ReturnType<typeof connect>>

/** What of a run outlives an attempt. */
export interface Lasting {
  readonly folder: OutputFolder
  readonly running: Running
  readonly codes: Codes
  readonly drops: Drops
  readonly swaps: Swaps
  readonly shadows: Shadows
  /** There is a store of this run: it is gone on with, whatever fails behind that. */
  begun(): void
  /** Lets in who attends the run, the first time. */
  attended(): Promise<void>
}

export function attempt(opened: Opened, lasting: Lasting): Promise<Result> {
  return pointingAtSavepoint(opened.options, () => attempted(opened, lasting))
}

async function attempted(opened: Opened, lasting: Lasting): Promise<Result> {
  const { codes, drops, begun } = lasting
  const parts = await connect(opened, lasting)
  const checkpoints = await Checkpoints.open(opened, { ...parts, codes, begun })
  try {
    drops.tell(checkpoints?.stored ?? nothingStored, factsOf(opened.topology, opened.plan.options.keyGroups))
    const { plan, topology } = codes.goOn(checkpoints?.keeper.record ?? null)
    return await flow({ ...opened, plan, topology }, { ...parts, ...lasting }, checkpoints)
  } finally {
    await checkpoints?.close()
  }
}

async function connect(opened: Opened, { folder: output, codes, shadows }: Lasting) {
  const { world, topology, options, plan, incarnation } = opened
  const startUser = userStarter(opened, codes)
  const io = new IoWorker({
    start: (n, events) => startWorkerOf(opened, { role: 'io', stages: [], kept: {} }, n, events),
    incarnation,
    pidsChanged: () => pidsChanged(),
  })
  const migrating = new Migrating(() => migrationsOf(codes.now.plan, declaredValues(codes.now.topology)), {
    start: (stages, n, events) => startUser(codes.now, stages, n, events),
    incarnation,
    pidsChanged: () => pidsChanged(),
  })
  const { clock, files } = world
  const { folder, job } = plan
  const { out, observer } = options
  const customs = await Customs.of(topology, { folder, out, clock, observer })
  const pushers: PythonPusher[] = []
  const pusherOf = (of: PusherOf): PythonPusher => {
    const pusher = new PythonPusher({
      ...of,
      clock,
      observer,
      transientMaxMs: plan.options.transientMaxMs,
      start: events => startUser(codes.now, [of.stage], incarnation(), events),
      pidsChanged: () => pidsChanged(),
    })
    pushers.push(pusher)
    return pusher
  }
  const wantEpoch = (): void => host.wantEpoch()
  const connecting = { world, options, io, customs, job, folder, memory: opened.memory, pusherOf, wantEpoch }
  const sources = topology.vertices.filter(v => v.kind === 'source').map(v => makeSource(connecting, v))
  const sinks = topology.vertices.filter(v => v.kind === 'sink').map(v => makeSink(connecting, v))
  const letters = deadLetters({ out, files, observer })
  const captures = new Captures('captures', { out, files, observer })
  const host: Host = new Host({
    world,
    observer,
    sources,
    sinks,
    letters,
    captures,
    incarnation,
    tickMs: tickMsOf(options.epochMs),
    startUser: (n, events, number) => startUser(codes.of(number), openStages(codes.of(number).topology), n, events),
    pidsChanged: () => pidsChanged(),
  })
  const pidsChanged = (): void =>
    output.workers([
      ...host.pids,
      ...[io, migrating, shadows, ...pushers].map(({ pid }) => pid).filter(pid => pid !== null),
    ])
  return { io, migrating, sources, sinks, letters, captures, host, pidsChanged }
}

/** Starts workers with the copies of what they run. */
const userStarter =
  (opened: Opened, codes: Codes) =>
  (code: Code, stages: readonly OpenStage[], incarnation: number, events: WorkerEvents): WorkerProcess =>
    startWorkerOf(opened, { role: 'user', stages, kept: codes.copiesOf(code) }, incarnation, events)

/** Often enough that an epoch is not late by much more than a tenth of its length. */
const tickMsOf = (epochMs: number | null): number => Math.min(50, Math.max(5, (epochMs ?? 500) / 10))

async function flow(opened: Opened, parts: Parts & Lasting, checkpoints: Checkpoints | null): Promise<Result> {
  const { world, topology } = opened
  const { sources, sinks, letters, captures, host, io, migrating, running } = parts
  const engine = makeEngine(opened, {
    sources,
    effects: host,
    epochs: epochsOf(opened, checkpoints),
    trial: parts.swaps.onTrial,
  })
  const stopProgress = reportProgress(opened, { sources, engine, running })
  try {
    running.begins({
      vertices: topology.vertices.filter(v => v.kind === 'source'),
      sources,
      engine,
      host,
      suspends: checkpoints !== null && sources.every(s => s.replayable),
      save: checkpoints === null ? null : name => checkpoints.save(engine, name),
      pidsChanged: parts.pidsChanged,
      epochStatus: () => engine.epochStatus(world.clock.nowMs()),
    })
    await parts.attended()
    const restored = checkpoints?.restore(engine, migrating) ?? Promise.resolve()
    running.goesOn(engine.ledger.rowsIn)
    // Whoever opens the rest waits for it, and hears why it failed.
    restored.catch(() => undefined)
    await host.run(engine, async () => {
      await openAll(parts, engine, { checkpoints, restored })
      parts.swaps.flows(checkpoints?.keeper.record?.epoch ?? 0)
    })
    if (engine.end.run === 'finished') checkpoints?.finished()
    else await running.save()
    await checkpoints?.saved()
    return resultOf(opened, { host, engine, sinks, running, epochs: checkpoints?.report ?? null })
  } catch (error) {
    await Promise.allSettled(sinks.map(s => s.abort()))
    throw error
  } finally {
    stopProgress()
    await parts.shadows.end('job')
    await Promise.allSettled(sources.map(s => s.close()))
    await Promise.allSettled([host.close(), io.close(), migrating.close()])
    letters.close()
    captures.close()
  }
}

function epochsOf({ options }: Opened, checkpoints: Checkpoints | null): EpochParts | null {
  if (checkpoints === null || options.epochMs === null) return null
  const terms = { intervalMs: options.epochMs, openMax: epochsOpenMax, bytesMax: epochBytesMax }
  return { terms, effects: checkpoints.keeper, beyond: checkpoints.beyond }
}

/** Everything that may be refused comes before anything is changed. */
async function openAll(
  { sources, sinks, letters, captures }: Parts,
  engine: Engine,
  { checkpoints, restored }: { readonly checkpoints: Checkpoints | null; readonly restored: Promise<void> },
): Promise<void> {
  await openSources(sources, checkpoints?.positions ?? [])
  await restored
  if (checkpoints !== null) return checkpoints.begin(engine)
  for (const sink of sinks) await sink.check?.(noEpochs)
  for (const output of [letters, captures, ...sinks]) await output.open(noEpochs)
}

async function openSources(sources: readonly Source[], from: readonly (SourcePosition | null)[]): Promise<void> {
  const outcomes = await Promise.allSettled(sources.map((s, i) => s.open(from[i] ?? null)))
  const errors = outcomes.filter(o => o.status === 'rejected').map((o): unknown => o.reason)
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw allFaults(errors)
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
