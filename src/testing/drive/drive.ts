/**
 * Drive: a real job with scripted input, in memory. The plan, the engine, state, lanes, bisection and dead letters are
 * those of a run; there is no process, no file and no clock but the one that the test moves.
 */
import { dirname } from 'node:path'
import { invariant } from '../../base/index.js'
import { BufferPool, loadArrow } from '../../batch/index.js'
import { type Polled } from '../../connectors/index.js'
import {
  type FunctionLike,
  type JobLike,
  type ParamValue,
  type Plan,
  type Topology,
  checkedPlan,
  isFunctionLike,
  isModuleContract,
  jobFile,
  jobOf,
  openStages,
  pathBeside,
  stagesOf,
  suggest,
  withParams,
} from '../../plan/index.js'
import { Engine, type EngineTerms, noCaptures } from '../../runtime/index.js'
import { VirtualClock } from '../simulation/clock.js'
import { quoted } from './answer.js'
import { type StandInLike, stepOf } from './chain.js'
import { checkStandIn } from './check-stand-in.js'
import { Driven } from './driven.js'
import { DrivenHost } from './host.js'
import { type Fault, type Inputs, ScriptedInput } from './input.js'
import { type Collected, type Counts, type Outcome } from './outcome.js'
import { StandInStage } from './stage.js'
import { type StandIns } from './stand-in.js'
import { runWithPython } from './with-python.js'

export interface DriveOptions {
  /** Parameters that differ from those of the job, as `--set` gives them. */
  readonly params?: Readonly<Record<string, ParamValue>>
  /** Most workers. Default 2. */
  readonly workers?: number
  /** Partitions that are processed in order. Default 1, so that rows come out in the order in which they went in. */
  readonly lanes?: number
  /** Most rows that one call gets. Default 32,768. */
  readonly batchRows?: number
}

/**
 * A job that a test will run. Every method answers a new one.
 *
 * ```ts
 * const t = await drive(orders)
 *   .with(shop, { bill: row => ({ total: Number(row.price) * Number(row.qty) }) })
 *   .input({ files: [{ item: 'rope', price: 4.5, qty: 2 }] })
 *   .run()
 * t.output('bills').get(0)?.total // 9
 * ```
 */
export function drive(job: JobLike, options: DriveOptions = {}): Drive {
  return new Drive(job, options, new Map(), {})
}

export class Drive {
  constructor(
    private readonly job: JobLike,
    private readonly options: DriveOptions,
    private readonly standIns: ReadonlyMap<string, StandInLike>,
    private readonly inputs: Inputs,
  ) {}

  /** What the functions of this types file do, by their names in it. Every function of the job needs one; a contract's says what a row breaks. */
  with<M extends object>(module: M, standIns: StandIns<M>): Drive {
    const all = new Map(this.standIns)
    for (const [name, standIn] of Object.entries(standIns)) {
      const fn: unknown = Reflect.get(module, name)
      if (!isFunctionLike(fn) && !isModuleContract(fn)) {
        const names = Object.entries(module).flatMap(([each, value]) => (isFunctionLike(value) ? each : []))
        throw new TypeError(`the types file has no function "${name}": ${suggest(name, names, 'functions')}`)
      }
      all.set(placeOf(fn), standInLike(name, standIn))
    }
    return new Drive(this.job, this.options, all, this.inputs)
  }

  /** Rows by the id of their source: objects, lines of the source's format, and faults between them. */
  input(inputs: Inputs): Drive {
    const both = Object.entries(inputs).map(([id, items]) => [id, [...(this.inputs[id] ?? []), ...items]] as const)
    return new Drive(this.job, this.options, this.standIns, { ...this.inputs, ...Object.fromEntries(both) })
  }

  /** Runs to the end of the input. Rejects with what the job stopped for. */
  async run(): Promise<Driven> {
    return (await this.start()).finish()
  }

  /** Runs the real Python code in real workers, with a real clock; stand-ins and faults have no part in it. */
  runPython(): Promise<Outcome> {
    const { workers = 2, lanes = 1, batchRows = 32_768 } = this.options
    return runWithPython(planFor(this.job, this.options), this.inputs, { workers, lanes, batchRows })
  }

  /** Begins, and works on the input as far as a clock that stands still allows. */
  async start(): Promise<Driven> {
    const plan = planFor(this.job, this.options)
    const topology = stagesOf(plan)
    const clock = new VirtualClock()
    const host = new DrivenHost({ clock, params: plan.params, stages: stagesWith(topology, this.standIns) })
    const engine = new Engine(topology, termsOf(plan, topology, this.options), host, host.observer)
    const inputs = inputsOf(plan, topology, {
      strike: name => host.strike(name),
      polled: (source, polled) => engine.polled(source, polled, clock.nowMs),
    })
    const view = {
      collected: () => collectedOf(topology, host),
      letters: () => host.letters.map(({ capture: _capture, codeDigest: _codeDigest, ...letter }) => letter),
      counts: () => countsOf(engine),
      counters: () => host.counters,
      toArrow: await loadArrow(),
    }
    host.start(engine, [...inputs.values()])
    return new Driven(view, { host, inputs, nowMs: () => clock.nowMs }).input(this.inputs)
  }
}

/** The plan of a job as a test means it. Throws a PlanError that lists all faults. */
function planFor(job: JobLike, { params = {} }: DriveOptions): Plan {
  const file = jobFile(job)
  const plan = checkedPlan([jobOf(job), job], { folder: file === null ? process.cwd() : dirname(file) })
  const sets = Object.entries(params).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  })
  return withParams(plan, sets)
}

const keyOf = (module: string, name: string): string => `${module}\t${name}`
const placeOf = (fn: Pick<FunctionLike, 'name' | 'from'>): string =>
  keyOf(pathBeside(fn.from.types, fn.from.path), fn.name)

/** A stand-in as TypeScript cannot type it any more: its function is known by name only. */
function standInLike(name: string, standIn: unknown): StandInLike {
  const each = isObject(standIn) ? Reflect.get(standIn, 'each') : standIn
  const atEnd: unknown = isObject(standIn) ? Reflect.get(standIn, 'atEnd') : null
  if (!isCallable(each) || !(atEnd === null || isCallable(atEnd)))
    throw new TypeError(`a stand-in is a function or { each, atEnd }; that of "${name}" is neither`)
  return { each, atEnd }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isCallable = (value: unknown): value is (...args: readonly unknown[]) => unknown => typeof value === 'function'

function stagesWith(topology: Topology, standIns: ReadonlyMap<string, StandInLike>): readonly StandInStage[] {
  const stages = openStages(topology)
  const missing = stages.flatMap(({ operators }) =>
    operators
      .filter(one => one.check === undefined && !standIns.has(keyOf(one.module, one.function)))
      .map(one => one.function),
  )
  if (missing.length > 0)
    throw new TypeError(
      `the job calls ${quoted([...new Set(missing)])} without a stand-in: give one with .with(module, { ... }), or run the Python code with .runPython()`,
    )
  return stages.map(stage => {
    const steps = stage.operators.map(operator => {
      const standIn = standIns.get(keyOf(operator.module, operator.function))
      if (operator.check !== undefined) {
        return stepOf(operator, checkStandIn(operator.function, operator.check, standIn))
      }
      invariant(standIn !== undefined, 'every operator has a stand-in')
      return stepOf(operator, standIn)
    })
    return new StandInStage(stage, steps)
  })
}

function inputsOf(
  plan: Plan,
  topology: Topology,
  to: {
    readonly strike: (fault: Fault) => void
    readonly polled: (source: number, polled: Polled | null) => void
  },
): ReadonlyMap<string, ScriptedInput> {
  const vertices = topology.vertices.filter(vertex => vertex.kind === 'source')
  return new Map(
    vertices.map(({ id, schema }, source) => {
      const node = plan.nodes.find(one => one.id === id)
      invariant(node?.kind === 'source', 'a source of the topology is one of the plan')
      return [id, new ScriptedInput(node, schema, { strike: to.strike, polled: polled => to.polled(source, polled) })]
    }),
  )
}

function termsOf(plan: Plan, topology: Topology, options: DriveOptions): EngineTerms {
  const { workers = 2, lanes = 1, batchRows = 32_768 } = options
  const { keyGroups, transientMaxMs, stateBytesMax, maxDead } = plan.options
  const sources = topology.vertices.filter(vertex => vertex.kind === 'source')
  return {
    lanes,
    keyGroups,
    transientMaxMs,
    stateBytesMax,
    wallMinusNowMs: 0,
    maxDead,
    rowsMax: batchRows,
    pool: {
      workersMin: null,
      workersMax: workers,
      creditPerWorker: 2,
      failedStartsMax: 1,
      alikeStartsMax: 1,
      spareDelayMs: 0,
      recycleBytes: Number.MAX_SAFE_INTEGER,
      spares: 0,
    },
    captures: noCaptures,
    bounded: new Set(sources.keys()),
    memory: new BufferPool(0),
    epochs: null,
  }
}

function collectedOf(topology: Topology, host: DrivenHost): ReadonlyMap<string, Collected> {
  const sinks = topology.vertices.filter(vertex => vertex.kind === 'sink')
  return new Map(sinks.map(({ id, schema }, sink) => [id, { schema, batches: host.written[sink] ?? [] }]))
}

function countsOf({ ledger, sinkRows }: Engine): Counts {
  return { rowsIn: ledger.rowsIn, rowsOut: sinkRows.reduce((sum, rows) => sum + rows, 0), rowsDead: ledger.rowsDead }
}
