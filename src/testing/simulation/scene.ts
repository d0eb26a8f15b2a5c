/** The scene of one simulated run: all that outlasts its hosts, drawn from its seed. */
import { type DeadLetter, type Engine, type EngineTerms, type EpochTerms } from '../../runtime/index.js'
import { Chance } from './chance.js'
import { VirtualClock } from './clock.js'
import { Durable } from './durable.js'
import { type Faults, Striker, drawFaults } from './faults.js'
import { type Job } from './job.js'
import { Log } from './log.js'
import { type SimulationOptions } from './options.js'
import { type Split } from './rows.js'
import { putOutBefore } from './saving.js'
import { RecordingSink, ScriptedSource } from './scripted.js'
import { Swapper, drawSwaps } from './swapper.js'
import { drawEpochs } from './terms.js'
import { Timetable } from './timetable.js'

export class Scene {
  readonly clock = new VirtualClock()
  readonly chance: Chance
  readonly faults: Faults
  readonly striker: Striker
  readonly log: Log
  readonly sources: readonly ScriptedSource[]
  readonly sinks: ReadonlyMap<string, RecordingSink>
  readonly letters: DeadLetter[]
  readonly epochs: EpochTerms | null
  readonly durable: Durable
  readonly pollMs: number
  readonly swapper: Swapper
  readonly timetable = new Timetable()
  readonly terms: EngineTerms
  /** Of the attempt that runs. */
  engine: Engine | null = null
  /** The host dies, where it stands. */
  dies = false

  constructor(
    readonly options: SimulationOptions,
    readonly job: Job,
    terms: EngineTerms,
    splits: readonly (readonly Split[])[],
  ) {
    const { seed, from = null } = options
    this.chance = new Chance(seed, 3)
    this.faults = options.faults ?? drawFaults(this.chance)
    this.striker = new Striker(this.faults, this.chance)
    this.log = new Log(options.log ?? false, () => this.clock.nowMs)
    this.sources = splits.map(s => new ScriptedSource(s, this.chance))
    const before = putOutBefore(from)
    this.letters = [...before.letters]
    const sinks = job.topology.vertices.filter(v => v.kind === 'sink')
    this.sinks = new Map(sinks.map(({ id }) => [id, new RecordingSink([...(before.sinks.get(id) ?? [])])]))
    this.epochs = options.epochs === undefined ? drawEpochs(this.chance) : options.epochs
    // Time goes on behind that of the run before.
    this.terms = { ...terms, wallMinusNowMs: from?.run.wallMs ?? terms.wallMinusNowMs }
    if (from !== null) this.timetable.follow(from.run.timetable)
    const ofSwaps = new Chance(seed, 5)
    // Who says what strikes a run wants nothing else in it.
    const mayDraw = this.epochs !== null && options.faults === undefined
    const swaps = options.swaps ?? (mayDraw ? drawSwaps(ofSwaps) : [])
    // A run that is over before a worker has started shows nothing of other code.
    this.pollMs = swaps.length === 0 ? 0.1 : ofSwaps.pick([0.1, 20, 100])
    const { clock, chance, log } = this
    this.swapper = new Swapper(job, swaps, { clock, chance, log, engine: () => this.engine })
    this.durable = this.newDurable()
  }

  private newDurable(): Durable {
    const { clock, chance, log, striker, swapper, job, options } = this
    // By a stream of its own, so that the others stay as they are.
    const drawn = new Chance(options.seed, 4).pick([null, [1], [200_000], [1, 200_000], [1, 200_000, 200_000]])
    const asked = options.budget === undefined ? drawn : options.budget
    const captures: unknown[] = []
    return new Durable({
      clock,
      chance,
      log,
      outputs: [...[...this.sinks.values()].map(s => s.rows), this.letters, captures],
      striker,
      topology: job.topology,
      budgets: typeof asked === 'number' ? [asked] : asked,
      swapper,
      die: () => {
        this.dies = true
      },
      from: options.from ?? null,
    })
  }

  /** The time that state is judged by. */
  get wallMs(): number {
    return this.terms.wallMinusNowMs + this.clock.nowMs
  }
}
