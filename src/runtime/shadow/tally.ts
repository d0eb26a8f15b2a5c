/** Tally: what one stage's compared calls come to, added up. */
import { type ShadowExample, type ShadowFailure, type ShadowStage, type ShadowTable } from './report.js'

/** Of each column. */
const examplesMax = 3
/** Failures and reasons are told apart by their text; more kinds than this are one. */
const kindsMax = 8

type Kind = ShadowTable['kind']

export class TableTally {
  compared = 0
  missing = 0
  more = 0
  private readonly columns = new Map<string, { differ: number; readonly examples: ShadowExample[] }>()
  private readonly names = { added: new Set<string>(), gone: new Set<string>(), retyped: new Set<string>() }

  constructor(
    readonly kind: Kind,
    readonly name: string,
  ) {}

  note(which: 'added' | 'gone' | 'retyped', column: string): void {
    this.names[which].add(column)
  }

  /** A column that was compared, whether it differs or not. */
  column(name: string): { differs(example: () => ShadowExample): void } {
    const known = this.columns.get(name) ?? { differ: 0, examples: [] }
    this.columns.set(name, known)
    return {
      differs: example => {
        known.differ += 1
        if (known.examples.length < examplesMax) known.examples.push(example())
      },
    }
  }

  get report(): ShadowTable {
    const { kind, name, compared, missing, more, names } = this
    const columns = [...this.columns].map(([column, { differ, examples }]) => ({ column, differ, examples }))
    const [added, gone, retyped] = [[...names.added], [...names.gone], [...names.retyped]]
    return { kind, name, compared, missing, more, columns, added, gone, retyped }
  }
}

export class StageTally {
  rowsSeen = 0
  rowsCompared = 0
  failedOnlyInOld = 0
  readonly dead = { both: 0, onlyOld: 0, onlyNew: 0 }
  private readonly us = { old: 0, new: 0 }
  private readonly reasons = new Map<string, number>()
  private readonly failures = new Map<string, ShadowFailure>()
  private readonly tables = new Map<string, TableTally>()

  constructor(readonly stage: string) {}

  table(kind: Kind, name: string): TableTally {
    const id = `${kind} ${name}`
    const known = this.tables.get(id) ?? new TableTally(kind, name)
    this.tables.set(id, known)
    return known
  }

  took(rows: number, us: { readonly old: number; readonly new: number }): void {
    this.rowsCompared += rows
    this.us.old += us.old
    this.us.new += us.new
  }

  /** A row is dead in the new code alone. */
  died(reason: string): void {
    const kind = this.reasons.has(reason) || this.reasons.size < kindsMax ? reason : 'others'
    this.reasons.set(kind, (this.reasons.get(kind) ?? 0) + 1)
    this.dead.onlyNew += 1
  }

  failed({ class: of, code, operator, message, traceback }: Omit<ShadowFailure, 'calls' | 'rows'>, rows: number): void {
    const text = `${code} ${message}`
    const kind = this.failures.has(text) || this.failures.size < kindsMax ? text : 'others'
    const known = this.failures.get(kind) ?? { class: of, code, operator, message, traceback, calls: 0, rows: 0 }
    this.failures.set(kind, { ...known, calls: known.calls + 1, rows: known.rows + rows })
  }

  /** Rows with which the new code was called and the running code had done. */
  get rowsTried(): number {
    return [...this.failures.values()].reduce((n, { rows }) => n + rows, this.rowsCompared)
  }

  get report(): ShadowStage {
    const { stage, rowsSeen, rowsCompared, dead, failedOnlyInOld, us } = this
    return {
      stage,
      rowsSeen,
      rowsCompared,
      tables: [...this.tables.values()].map(table => table.report),
      dead: { ...dead, reasons: Object.fromEntries(this.reasons) },
      failures: [...this.failures.values()],
      failedOnlyInOld,
      usPerRow: rowsCompared === 0 ? null : { old: us.old / rowsCompared, new: us.new / rowsCompared },
    }
  }
}

/** Whether anything in it speaks of two codes that do not do the same. */
export const differs = ({ tables, dead, failures, failedOnlyInOld }: ShadowStage): boolean =>
  dead.onlyOld + dead.onlyNew + failures.length + failedOnlyInOld > 0 ||
  tables.some(
    ({ missing, more, columns, added, gone, retyped }) =>
      missing + more + added.length + gone.length + retyped.length > 0 || columns.some(({ differ }) => differ > 0),
  )
