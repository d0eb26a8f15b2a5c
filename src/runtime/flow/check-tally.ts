/**
 * What a check saw of all rows so far: the report at the end of the job, and the breaker. `maxRatio` is judged from
 * 1,000 rows on, since one bad row among the first three says nothing about the rest, and once more at the end of the
 * input. Each row is counted once, however often its call was sent; one that dies alone in a call that a transform behind the
 * check failed is not, since that call answers nothing of its check.
 */
import { TransformError } from '../../base/index.js'
import { type CheckRef, type StageOperator } from '../../plan/index.js'

export const ratioRowsMin = 1_000

/** What one reply says of the check of one operator. */
export interface Checked {
  readonly operator: number
  readonly rows: number
  /** Rows that broke one rule or several. */
  readonly failed: number
  /** Rows that broke each rule, in the order of the rules. */
  readonly byRule: readonly number[]
}

export interface CheckReport {
  /** Id of the check in the job. */
  readonly check: string
  readonly rows: number
  readonly failed: number
  readonly rules: readonly { readonly rule: string; readonly failed: number; readonly ratio: number }[]
}

/** What a tally has seen, for a run that goes on. */
export type CheckState = Omit<Checked, 'operator'>

export class CheckTally {
  private rows = 0
  private failed = 0
  private byRule: number[]

  constructor(
    private readonly id: string,
    private readonly check: CheckRef,
  ) {
    this.byRule = check.rules.map(() => 0)
  }

  /** The tallies of a stage by the index of their operator. */
  static of(operators: readonly StageOperator[]): ReadonlyMap<number, CheckTally> {
    return new Map(
      operators.flatMap(({ id, fn }, index) =>
        fn.check === undefined ? [] : [[index, new CheckTally(id, fn.check)] as const],
      ),
    )
  }

  /** The error that stops the job, or null. */
  saw({ rows, failed, byRule }: Checked): TransformError | null {
    this.rows += rows
    this.failed += failed
    byRule.forEach((count, rule) => (this.byRule[rule] = (this.byRule[rule] ?? 0) + count))
    return this.rows < ratioRowsMin ? null : this.verdict()
  }

  /** Of all rows so far, however few. */
  verdict(): TransformError | null {
    const { maxRatio } = this.check
    if (maxRatio === null || this.failed <= maxRatio * this.rows) return null
    const [failed, rows] = [this.failed.toLocaleString('en'), this.rows.toLocaleString('en')]
    const message = `expected at most ${maxRatio} of the rows to break a rule of check "${this.id}", got ${failed} of ${rows}`
    const detail = this.report().rules.flatMap(one => (one.failed > 0 ? [`${one.failed} rows: ${one.rule}`] : []))
    return new TransformError('ANB2012', message, { detail: detail.join('\n') })
  }

  /** By the id of the check. */
  state(): readonly [string, CheckState] {
    return [this.id, { rows: this.rows, failed: this.failed, byRule: [...this.byRule] }]
  }

  restore(states: Readonly<Record<string, CheckState>>): void {
    const state = states[this.id]
    if (state === undefined) return
    this.rows = state.rows
    this.failed = state.failed
    this.byRule = this.check.rules.map((_, rule) => state.byRule[rule] ?? 0)
  }

  report(): CheckReport {
    const rules = this.check.rules.map(({ text }, index) => {
      const failed = this.byRule[index] ?? 0
      return { rule: text, failed, ratio: this.rows === 0 ? 0 : failed / this.rows }
    })
    return { check: this.id, rows: this.rows, failed: this.failed, rules }
  }
}
