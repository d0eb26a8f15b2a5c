/** A driven job: what a test looks at, and what it moves by hand. */
import { type AnabranchError } from '../../base/index.js'
import { type Duration, msOf } from '../../plan/index.js'
import { type DrivenHost } from './host.js'
import { type Fault, type Inputs, type ScriptedInput, inputNamed } from './input.js'
import { Outcome } from './outcome.js'

/** The clock of a driven job: it stands still until the test moves it. */
export interface HandMovedClock {
  readonly nowMs: number
  /** Lets everything happen that is due by then: deadlines, retries, holds. */
  advance(by: Duration): void
}

/** A job with stand-ins, begun and not yet finished. */
export class Driven extends Outcome {
  constructor(
    of: ConstructorParameters<typeof Outcome>[0],
    private readonly parts: {
      readonly host: DrivenHost
      readonly inputs: ReadonlyMap<string, ScriptedInput>
      readonly nowMs: () => number
    },
  ) {
    super(of)
  }

  get clock(): HandMovedClock {
    const { host, nowMs } = this.parts
    return {
      nowMs: nowMs(),
      advance: by => {
        const ms = msOf(by)
        if (ms === null) throw new TypeError(`expected a time such as '5s', got ${JSON.stringify(by)}`)
        host.advance(ms)
      },
    }
  }

  /** More input. It is worked on at once, as far as the clock allows. */
  input(inputs: Inputs): this {
    for (const [id, items] of Object.entries(inputs)) inputNamed(this.parts.inputs, id).give(items)
    this.parts.host.advance(0)
    return this
  }

  /** Strikes the next call. */
  fault(name: Fault): this {
    this.parts.host.strike(name)
    return this
  }

  /** No more input comes. Time jumps from one thing to the next until the job is over; throws what it stopped for. */
  finish(): this {
    for (const source of this.parts.inputs.values()) source.end()
    this.parts.host.toTheEnd()
    if (this.error !== null) throw this.error
    return this
  }

  /** Calls of workers so far, those that came again included. */
  get calls(): number {
    return this.parts.host.calls
  }

  /** What the job stopped for; null while it runs and when it is done. */
  get error(): AnabranchError | null {
    return this.parts.host.error
  }
}
