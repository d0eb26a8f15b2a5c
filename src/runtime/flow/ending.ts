/**
 * Ending: how a run comes to its end. Its inputs end, or it is asked to read no more, or it is suspended: then it ends with
 * an epoch, its inputs stay as they are, and a later run goes on. With epochs, sinks finish once the last one is everywhere.
 */
import { AnabranchError } from '../../base/index.js'
import { type RunEnd } from '../../connectors/index.js'
import { type Cutting } from './cutting.js'
import { type Effects } from './effects.js'
import { type Graph } from './graph.js'
import { type Intake } from './intake.js'

export interface Ends {
  /** Unfinished: a later run may go on. */
  readonly run: RunEnd
  /** As people see it: a stream without an end is done when it was asked to stop, an input that has one was not. */
  readonly inputs: RunEnd
}

export class Ending {
  /** An input that has an end is not read to it. */
  private short = false
  private suspending = false
  private suspended = false

  constructor(
    private readonly parts: {
      readonly graph: Graph
      readonly intake: Intake
      readonly cutting: Cutting | null
      readonly effects: Effects
      readonly bounded: ReadonlySet<number>
    },
  ) {}

  get end(): Ends {
    return {
      run: this.short || this.suspended ? 'unfinished' : 'finished',
      inputs: this.short ? 'unfinished' : 'finished',
    }
  }

  /** Rows move no more. */
  get still(): boolean {
    return this.suspended
  }

  /** The sources are asked to give no more: one that has an end and is not there yet is cut. */
  drain(): void {
    const { graph, bounded } = this.parts
    this.short ||= graph.sources.some(source => bounded.has(source.index) && !source.ended)
  }

  suspend(): void {
    this.drain()
    this.suspending = true
    this.parts.intake.close()
  }

  /** Cuts the epoch as far as that goes. `callsOut`: somebody works. Answers whether rows may move again. */
  cut(nowMs: number, callsOut: boolean): { readonly moved: boolean; readonly error: AnabranchError | null } {
    const { graph, intake, cutting } = this.parts
    const still = { moved: false, error: null }
    if (cutting === null || this.suspended) return still
    const quiet = !callsOut && graph.sinks.every(s => !s.busy)
    const step = cutting.step(nowMs, { quiet, ending: this.suspending || graph.ended })
    if (step instanceof AnabranchError) return { moved: false, error: step }
    if (this.suspending && (step === 'cut' || (quiet && !cutting.changed))) {
      this.suspended = true
      cutting.leaveUnread()
      return still
    }
    if (step !== 'idle') return { moved: true, error: intake.release() }
    return quiet ? cutting.widen(nowMs) : still
  }

  /** Asks the sinks to finish that may. Answers whether all have. */
  finish(): boolean {
    const { graph, cutting, effects } = this.parts
    // Behind the last epoch a sink may still want another one, which never comes.
    const allDone = cutting === null || (this.suspended ? cutting.allFinished : graph.ended && cutting.isDone)
    for (const sink of graph.sinks) {
      if (sink.finishing || !allDone || !(sink.ended || this.suspended)) continue
      sink.finishing = true
      effects.finishSink(sink.index)
    }
    return graph.sinks.every(s => s.finished)
  }
}
