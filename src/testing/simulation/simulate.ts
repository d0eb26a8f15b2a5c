/**
 * Simulate: one run of the real engine from a seed, and the verdict on it.
 *
 * A seed has three streams of chance: the job and its rows, the terms of the run (batch size, workers, lanes), and
 * the world (faults and their times). Two runs with the same job and other terms or another world must give the same rows,
 * where no state expires.
 */
import { type ErrorCode } from '../../base/index.js'
import { type Engine, edgeLimit } from '../../runtime/index.js'
import { Chance } from './chance.js'
import { armFailpoint } from './failpoints.js'
import { drawJob } from './job.js'
import { Lives } from './lives.js'
import { type Simulated, type SimulationOptions } from './options.js'
import { type Expected, expect } from './oracle.js'
import { drawPoison, drawSplits } from './rows.js'
import { Scene } from './scene.js'
import { drawTerms } from './terms.js'
import { judge, judgePart } from './verdict.js'

const tooManyDead: ReadonlySet<ErrorCode> = new Set(['ANB2004', 'ANB2005'])
/** What a run may need without faults: services that are away, holds, and rows that let each of their calls hang up to its deadline. */
const liveMsMax = 600_000

/** One at a time: failpoints are one state of the process. */
export function simulate(options: SimulationOptions): Promise<Simulated> {
  const input = new Chance(options.input ?? options.seed, 1)
  const job = drawJob(input, new Chance(options.input ?? options.seed, 6), options.expires)
  const terms = { ...drawTerms(new Chance(options.seed, 2)), ...options.terms }
  const poison = options.poison ?? drawPoison(input)
  const rows = options.rows ?? input.pick([0, 1, 5, 20, 40, 80, 150, 300])
  const sourceCount = job.topology.vertices.filter(v => v.kind === 'source').length
  const splits = Array.from({ length: sourceCount }, (_, source) => drawSplits(input, { source, rows, job, poison }))
  return new Run(new Scene(options, job, { ...terms, bounded: new Set(splits.keys()) }, splits)).go()
}

class Run {
  private readonly lives: Lives
  private readonly met = new Map<string, number>()

  constructor(private readonly scene: Scene) {
    this.lives = new Lives(scene)
  }

  async go(): Promise<Simulated> {
    const { scene, lives } = this
    const { durable, swapper } = scene
    const wrong: string[] = []
    let rows = 0
    try {
      const engine = await lives.go()
      rows = engine.ledger.rowsIn
      await swapper.end(engine)
      if (scene.epochs !== null && lives.host.error === null) await durable.end()
      wrong.push(...lives.wrong, ...lives.host.wrong, ...durable.wrong, ...swapper.wrong)
      wrong.push(...this.verdict(engine), ...this.liveness())
    } catch (error) {
      wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    } finally {
      armFailpoint(null, () => undefined)
    }
    return this.simulated(wrong, rows)
  }

  private simulated(wrong: readonly string[], rows: number): Simulated {
    const { clock, log, sinks, letters, options, job, timetable, wallMs } = this.scene
    const { host, before, queuedMost } = this.lives
    return {
      seed: options.seed,
      wrong,
      error: host.error,
      sinks: new Map([...sinks].map(([id, s]) => [id, s.rows])),
      order: job.order,
      letters,
      counts: this.counts,
      log: log.text,
      digest: log.digest,
      virtualMs: clock.nowMs,
      calls: before.calls + host.calls,
      queue: { most: queuedMost, limit: this.queueLimit() },
      rows,
      timetable,
      wallMs,
    }
  }

  private get counts(): ReadonlyMap<string, number> {
    const { striker, durable, swapper } = this.scene
    const { host, before, counts: ofLives } = this.lives
    const counts = new Map<string, number>()
    for (const of of [before.counts, host.counts, striker.struck, durable.counts, swapper.counts, ofLives, this.met])
      for (const [name, times] of of) counts.set(name, (counts.get(name) ?? 0) + times)
    return counts
  }

  private liveness(): readonly string[] {
    const ms = this.lives.calmForMs
    return ms <= liveMsMax ? [] : [`without faults it needed ${Math.round(ms)} ms more, ${liveMsMax} is the limit`]
  }

  /** Who emits looks for room before it begins: what was begun may come on top. */
  private queueLimit(): number {
    const { terms, options } = this.scene
    const { lanes, pool } = terms
    const workersMost = Math.max(pool.workersMax, ...(options.setWorkers ?? []).map(({ workers }) => workers))
    return edgeLimit.batches + Math.max(lanes, workersMost * pool.creditPerWorker + 2)
  }

  /** What bad rows cost, where nothing else makes a call come again. */
  private costs(expected: Expected): readonly string[] {
    const { faults, options, swapper, terms } = this.scene
    const { host } = this.lives
    const alone = faults.size === 0 && options.serviceAwayMs === undefined && !swapper.hasAsked
    if (!alone || terms.pool.creditPerWorker > 1) return []
    const again = host.counts.get('call again') ?? 0
    const most = expected.extraCalls(host.rowsMost)
    return again <= most ? [] : [`bad rows cost ${again} calls more, at most ${most} were expected`]
  }

  private verdict(engine: Engine): readonly string[] {
    const { job, swapper, options, sources, timetable, letters } = this.scene
    const { host } = this.lives
    const code = host.error?.code
    // Code that fails rows and was kept may fail as many as stop a job.
    const mayStop = swapper.hasKeptBug && code !== undefined && tooManyDead.has(code)
    const stops = mayStop ? code : options.stops
    if (code !== stops) return [`the job should ${stops ?? 'finish'}: ${host.error?.render() ?? 'it finished'}`]
    const given = sources.map(s => s.given)
    const expected = expect(job, given, { eras: swapper.eras, timetable, ended: stops === undefined })
    for (const [what, times] of expected.met) this.met.set(what, times)
    const sinks = new Map([...this.scene.sinks].map(([id, s]) => [id, s.rows]))
    const { rowsIn, rowsDead } = engine.ledger
    const judged = stops === undefined ? judge : judgePart
    return [...judged(job, expected, { sinks, letters, rowsIn, rowsDead }), ...this.costs(expected)]
  }
}
