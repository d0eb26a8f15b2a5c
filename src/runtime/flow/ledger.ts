/**
 * The ledger: what was read, what died and why, and when it is too much. Each dead row becomes one dead letter with
 * the row as the failing chain got it, its place in the source, and the call that failed as an Arrow file.
 */
import { type AnabranchError, type ErrorCode, type Observer, TransformError } from '../../base/index.js'
import { jsonRow } from '../../batch/index.js'
import { type Polled } from '../../connectors/index.js'
import { DeadLimit, type Failure } from '../fault/index.js'
import { type CaptureTerms, captureOf } from './capture.js'
import { type DeadRow } from './dead-rows.js'
import { type DeadLetter, type Effects } from './effects.js'
import { type Work } from './grant.js'
import { positionOf, splitOf } from './origin.js'
import { type Rows, rowCount, takeRows } from './rows.js'
import { takeSlots } from './row-numbers.js'
import { type Stage } from './stage.js'

/** Codes whose message is the reason; others are counted by the type of the exception. */
const quiet: ReadonlySet<ErrorCode> = new Set(['ANB2002', 'ANB2006', 'ANB2008'])

/** How the bytes of a failing call are made; null where no call failed. */
type Capture = DeadLetter['capture']

/** The row, and before it those with the same slot. */
function rowsUpTo(row: number, slots: Int32Array | null): Int32Array {
  if (slots === null) return Int32Array.of(row)
  return Int32Array.from(Array.from({ length: row + 1 }, (_, i) => i).filter(i => slots[i] === slots[row]))
}

/** What a run that goes on has to know of the rows before. */
export interface LedgerState {
  readonly rowsIn: number
  readonly rowsDead: number
  readonly deadByReason: Readonly<Record<string, number>>
}

export class Ledger {
  rowsIn = 0
  rowsDead = 0
  readonly deadByReason = new Map<string, number>()
  /** Dead letters, by the operator or source that wrote them. */
  readonly deadByOperator = new Map<string, number>()
  private readonly splits: string[] = []
  private readonly splitNumbers = new Map<string, number>()
  /** Source rows that are dead, so that a row with many children counts once. */
  private readonly dead = new Set<number>()
  private readonly sourceLimits = new Map<string, DeadLimit>()

  constructor(
    private readonly maxDead: number | null,
    private readonly captures: CaptureTerms,
    private readonly effects: Effects,
    private readonly observer: Observer,
  ) {}

  /** `rowsIn`: of what was read, the rows that belong to the epoch. */
  state(rowsIn: number): LedgerState {
    return { rowsIn, rowsDead: this.rowsDead, deadByReason: Object.fromEntries(this.deadByReason) }
  }

  restore({ rowsIn, rowsDead, deadByReason }: LedgerState): void {
    this.rowsIn = rowsIn
    this.rowsDead = rowsDead
    for (const [reason, rows] of Object.entries(deadByReason)) this.deadByReason.set(reason, rows)
  }

  /** Number of a split in origins: two sources that read one file have a split each. */
  split(source: string, name: string): number {
    const key = JSON.stringify([source, name])
    const known = this.splitNumbers.get(key)
    if (known !== undefined) return known
    this.splitNumbers.set(key, this.splits.length)
    return this.splits.push(name) - 1
  }

  /** Rows came from a source; its lines that did not parse are dead. */
  polled(source: string, polled: Polled): AnabranchError | null {
    this.rowsIn += polled.batch.rows + polled.dead.length
    const limit = this.sourceLimits.get(source) ?? new DeadLimit(source)
    this.sourceLimits.set(source, limit)
    limit.enter(polled.batch.rows + polled.dead.length)
    for (const line of polled.dead) {
      this.count(line.code, line.message, this.split(source, polled.split), line.position)
      this.bury({
        operator: source,
        transform: '',
        source: polled.split,
        position: line.position,
        row: line.text,
        error: { class: 'TransformError', code: line.code, type: 'ParseError', message: line.message, traceback: '' },
        capture: null,
        codeDigest: '',
        attempt: 1,
      })
    }
    const first = polled.dead[0]
    if (first === undefined) return null
    return this.tooMany(limit, polled.dead.length, `first: ${polled.split}:${first.position}: ${first.message}`)
  }

  nullKeys(stage: Stage, rows: Rows): AnabranchError | null {
    const key = stage.vertex.key
    if (key?.nullKeys === 'drop') {
      this.observer.count('rows.dropped', rowCount(rows), { reason: 'null key' })
      return null
    }
    const message = `null key: expected a value in ${key?.columns.map(c => `"${c}"`).join(', ') ?? 'the key'}, got null`
    const failure = { class: 'TransformError', code: 'ANB2006', type: 'NullKey', message, traceback: '' } as const
    for (let i = 0; i < rowCount(rows); i += 1)
      this.letter(stage, 0, { rows, at: i, error: failure, capture: null, attempt: 1 })
    return this.tooMany(stage.limits[0], rowCount(rows), message)
  }

  /** For each row that raised in a good reply, its capture; asked for before the reply's state is applied. */
  capturesOf(work: Work, dead: readonly DeadRow[]): readonly Capture[] {
    return dead.map(d => (d.code === 'ANB2002' ? null : this.captureRow(work, d.row)))
  }

  /** Rows that a good reply gave up: rejected, or raised in row mode. */
  deadRows(work: Work, dead: readonly DeadRow[], captures: readonly Capture[]): AnabranchError | null {
    let error: AnabranchError | null = null
    for (const [i, d] of dead.entries()) {
      const capture = captures[i] ?? null
      this.letter(work.stage, d.operator, {
        rows: work.piece.rows,
        at: d.row,
        error: d,
        capture,
        attempt: work.piece.attempt,
      })
      error ??= this.tooMany(work.stage.limits[d.operator], 1, `${d.type}: ${d.message}\n${d.traceback}`)
    }
    return error
  }

  /** One row alone failed. */
  single(work: Work, failure: Failure): AnabranchError | null {
    const { stage, piece } = work
    const capture = this.captureRow(work, 0)
    this.letter(stage, failure.operator, { rows: piece.rows, at: 0, error: failure, capture, attempt: piece.attempt })
    const limit = stage.limits[failure.operator]
    const parts = { detail: `the last one:\n${failure.traceback || failure.message}` }
    return limit?.single(parts) ?? this.tooMany(limit, 1, parts.detail)
  }

  /** With a key, also the rows of the same key before it: the state of the capture is that before the call. */
  private captureRow(work: Work, row: number): () => Uint8Array {
    const { stage, piece, ticket } = work
    const at = rowsUpTo(row, piece.slots)
    const rows = takeRows(piece.rows, at)
    const slots = piece.slots === null ? null : takeSlots(piece.slots, at)
    const batch = ticket.call.kind === 'rows' ? stage.codec.ship(rows) : rows.batch
    return captureOf(stage, { batch, slots, call: ticket.call }, this.captures)
  }

  private letter(
    stage: Stage,
    operator: number,
    of: {
      readonly rows: Rows
      readonly at: number
      readonly error: Pick<Failure, 'class' | 'code' | 'type' | 'message' | 'traceback'>
      readonly capture: Capture
      readonly attempt: number
    },
  ): void {
    const { error } = of
    const at = stage.vertex.operators[operator]
    const { origin } = of.rows
    const split = splitOf(origin, of.at)
    const position = split < 0 ? null : positionOf(origin, of.at)
    const reason = quiet.has(error.code) ? error.message : error.type
    if (error.code !== 'ANB2006') stage.meter.died(shortened(reason))
    this.count(error.code, reason, split, position)
    this.bury({
      operator: at?.id ?? stage.vertex.id,
      transform: at?.fn.name ?? '',
      source: this.splits[split] ?? '',
      position,
      row: jsonRow(of.rows.batch, of.at),
      error: {
        class: error.class,
        code: error.code,
        type: error.type,
        message: error.message,
        traceback: error.traceback,
      },
      capture: of.capture,
      codeDigest: this.captures.modules.get(at?.fn.module ?? '')?.digest ?? '',
      attempt: of.attempt,
    })
  }

  private bury(letter: DeadLetter): void {
    this.deadByOperator.set(letter.operator, (this.deadByOperator.get(letter.operator) ?? 0) + 1)
    this.effects.bury(letter)
  }

  private count(code: ErrorCode, reason: string, split: number, position: number | null): void {
    this.observer.count('rows.dead', 1, { code })
    // A row of `at_end` has no source row behind it; it is in the dead letters, but no row that was read died.
    if (position === null) return
    const id = split * 2 ** 40 + position
    if (this.dead.has(id)) return
    this.dead.add(id)
    this.rowsDead += 1
    const key = shortened(reason)
    this.deadByReason.set(key, (this.deadByReason.get(key) ?? 0) + 1)
  }

  private tooMany(limit: DeadLimit | undefined, rows: number, detail: string): AnabranchError | null {
    if (this.maxDead === null) return limit?.dead(rows, { detail }) ?? null
    if (this.rowsDead <= this.maxDead) return null
    const message = `expected at most ${this.maxDead} dead rows (maxDead), got ${this.rowsDead}`
    return new TransformError('ANB2004', message, { detail })
  }
}

const shortened = (reason: string): string => (reason.length > 120 ? `${reason.slice(0, 119)}…` : reason)
