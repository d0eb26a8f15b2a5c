/**
 * Last calls: behind the last row of bounded input each lane calls the functions for the end over its keys, some at once, by
 * key group and then by key: an order that neither lanes nor a state budget change. What lies beyond memory comes in for its
 * call and goes again behind it.
 */
import { type StageVertex } from '../../plan/index.js'
import { type KeyWalk } from '../../state/index.js'
import { type Beyond } from './beyond.js'
import { type KeyedState } from './keyed.js'
import { type Lane } from './lane.js'
import { endOrigin } from './origin.js'
import { newTicket } from './ticket.js'

/** Keys of one call. */
const keysAtOnce = 65_536
/** Entries beyond memory that all lanes have in memory at once, and one at least. */
const entriesAtOnce = { all: 16_384, lane: 256 } as const

interface LastCallsParts {
  readonly vertex: StageVertex
  readonly lanes: readonly Lane[]
  readonly keyed: KeyedState
  readonly beyond: Beyond | null
}

export class LastCalls {
  private readonly ends: readonly LaneEnd[]

  constructor({ vertex, lanes, keyed, beyond }: LastCallsParts) {
    beyond?.end()
    const operators = vertex.operators.flatMap(({ fn }, i) => (fn.keyed && fn.atEnd ? [i] : []))
    const entriesMax = Math.max(entriesAtOnce.lane, Math.floor(entriesAtOnce.all / lanes.length))
    this.ends = lanes.map(lane => new LaneEnd({ lane, stage: vertex.number, operators, keyed, beyond, entriesMax }))
  }

  /** All of them were made. */
  get done(): boolean {
    return this.ends.every(({ done }) => done)
  }

  /** Makes those that can be made now. Answers whether anything moved. */
  step(): boolean {
    return this.ends.map(end => end.step()).includes(true)
  }
}

interface LaneEndParts {
  readonly lane: Lane
  readonly stage: number
  /** Those that have a function for the end. */
  readonly operators: readonly number[]
  readonly keyed: KeyedState
  readonly beyond: Beyond | null
  readonly entriesMax: number
}

class LaneEnd {
  private readonly operators: number[]
  private walk: { readonly operator: number; readonly keys: KeyWalk } | null = null
  private isReading = false
  /** Keys that came into memory for the call under way. */
  private came: Int32Array = new Int32Array(0)
  /** All keys of it. */
  private called: Int32Array = new Int32Array(0)

  constructor(private readonly parts: LaneEndParts) {
    this.operators = [...parts.operators]
  }

  get done(): boolean {
    return this.operators.length === 0 && this.walk === null && this.isFree
  }

  private get isFree(): boolean {
    return !this.isReading && this.parts.lane.open.length === 0
  }

  step(): boolean {
    const { lane, keyed, beyond, entriesMax } = this.parts
    let moved = false
    while (this.isFree) {
      beyond?.passed(this.called, this.came)
      this.called = this.came = new Int32Array(0)
      const operator = this.walk?.operator ?? this.operators.shift()
      if (operator === undefined) break
      moved = true
      this.walk ??= { operator, keys: keyed.walk(operator, lane.index) }
      const { keys } = this.walk
      this.isReading = beyond?.walk(keys, entriesMax, (slots, came) => this.found(operator, slots, came)) === true
      if (this.isReading) break
      const slots = keys.next(beyond === null ? keysAtOnce : entriesMax)
      if (slots.length === 0) this.walk = null
      else this.call(operator, slots)
    }
    return moved
  }

  private found(operator: number, slots: Int32Array, came: Int32Array): void {
    this.isReading = false
    this.came = came
    this.call(operator, slots)
  }

  /** What is not known of these keys is read first: whether they have state at all may hang on it. */
  private call(operator: number, some: Int32Array): void {
    const { keyed, beyond } = this.parts
    this.called = some
    const then = (): void => {
      this.isReading = false
      this.make(operator, some)
    }
    this.isReading = beyond?.fetch(keyed.lacksOfEnd(operator, some), then) === true
    if (!this.isReading) this.make(operator, some)
  }

  private make(operator: number, some: Int32Array): void {
    const { lane, keyed, stage } = this.parts
    const slots = keyed.living(operator, some)
    for (let from = 0; from < slots.length; from += keysAtOnce) {
      const part = slots.subarray(from, from + keysAtOnce)
      const rows = { batch: keyed.keysOf(part), origin: endOrigin(stage) }
      lane.open.push(newTicket(lane.index, { kind: 'end', operator }, rows, part))
    }
  }
}
