/**
 * The stand-ins of one stage over the rows of one call. Each row goes through the whole chain before the next one
 * begins: a row that is refused anywhere leaves neither output nor state, and later rows of its key never saw it.
 */
import { ContractError } from '../../base/index.js'
import { type OpenOperator } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { type Cells, checkedRow, kindOf, quoted } from './answer.js'
import { Away, type Called, Rejected, Result } from './stand-in.js'

/** A stand-in as it is called: its types were checked where it was given. */
export interface StandInLike {
  readonly each: (...row: readonly unknown[]) => unknown
  readonly atEnd: ((...key: readonly unknown[]) => unknown) | null
}

/** One operator of the chain. */
export interface Step {
  readonly operator: OpenOperator
  readonly standIn: StandInLike
  readonly outputs: Schema
  readonly state: Schema
  readonly sides: readonly { readonly name: string; readonly output: number; readonly schema: Schema }[]
}

/** A row out; `parent` is the row of the call that it comes from. */
export interface Entry {
  readonly parent: number
  readonly cells: Cells
}
export interface SideEntry extends Entry {
  readonly operator: number
  readonly output: number
}
export interface DeadEntry {
  readonly row: number
  readonly operator: number
  readonly code: 'ANB2001' | 'ANB2002'
  readonly class: 'TransformError'
  readonly type: string
  readonly message: string
  readonly traceback: string
}
export interface Produced {
  readonly main: readonly Entry[]
  readonly sides: readonly SideEntry[]
  readonly dead: readonly DeadEntry[]
}

/** State of the keys of a call by operator; null where a key has none. It is changed in place. */
export type States = ReadonlyMap<number, (Cells | null)[]>

/** The whole call failed: what FAILED says. */
export class CallFailed extends Error {
  constructor(readonly failure: Readonly<Record<string, unknown>>) {
    super(String(failure['message']))
  }
}

/** A stand-in threw. */
class StepFailed extends Error {
  constructor(
    readonly operator: number,
    readonly thrown: unknown,
  ) {
    super('a stand-in threw')
  }
}

export function stepOf(operator: OpenOperator, standIn: StandInLike): Step {
  const sides = Object.entries(operator.side).map(([name, schema], i) => ({
    name,
    output: i + 1,
    schema: schemaFromJson(schema),
  }))
  return { operator, standIn, outputs: schemaFromJson(operator.outputs), state: schemaFromJson(operator.state), sides }
}

/** `keys` is the number of each row's key. Throws a CallFailed where the call failed as a whole. */
export function runRows(
  steps: readonly Step[],
  of: {
    readonly rows: readonly Cells[]
    readonly keys: Int32Array | null
    readonly states: States
    readonly call: Called
  },
): Produced {
  const main: Entry[] = []
  const sides: SideEntry[] = []
  const dead: DeadEntry[] = []
  for (const [row, cells] of of.rows.entries()) {
    const run = new RowRun(row, of.keys?.[row] ?? 0, of.states, of.call)
    try {
      const entries = steps.reduce((some, step, i) => some.flatMap(one => run.step(step, i, one)), [cells])
      main.push(...entries.map(one => ({ parent: row, cells: one })))
      sides.push(...run.sides)
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error
      run.undo()
      dead.push(deadOf(row, error, steps[error.operator]))
    }
  }
  return { main, sides, dead }
}

/** Rows that `atEnd` gives for the keys of a lane. */
export function runKeys(
  step: Step,
  operator: number,
  of: { readonly keys: readonly Cells[]; readonly states: readonly (Cells | null)[]; readonly call: Called },
): readonly SideEntry[] {
  const { atEnd } = step.standIn
  if (atEnd === null) return []
  try {
    return of.keys.flatMap((key, i) => sideEntries(step, atEnd(key, of.states[i], of.call), { operator, parent: i }))
  } catch (error) {
    throw callFailed(operator, error)
  }
}

/** One row on its way. */
class RowRun {
  readonly sides: SideEntry[] = []
  private readonly before: { readonly states: (Cells | null)[]; readonly cells: Cells | null }[] = []

  constructor(
    private readonly row: number,
    private readonly key: number,
    private readonly states: States,
    private readonly call: Called,
  ) {}

  step(step: Step, index: number, cells: Cells): readonly Cells[] {
    try {
      return this.answered(step, index, cells)
    } catch (thrown) {
      throw new StepFailed(index, thrown)
    }
  }

  /** The state of before. */
  undo(): void {
    for (const { states, cells } of this.before.reverse()) states[this.key] = cells
  }

  private answered(step: Step, index: number, cells: Cells): readonly Cells[] {
    const { operator, standIn } = step
    const input = Object.fromEntries(operator.inputs.map(([name]) => [name, cells[name] ?? null] as const))
    const answer = operator.keyed ? this.keyed(step, index, input) : standIn.each(input, this.call)
    const [main, side] = answer instanceof Result ? [answer.main, answer.side] : [answer, null]
    const rows = rowsOf(step, main)
    if (side !== null) this.sides.push(...sideEntries(step, side, { operator: index, parent: this.row }))
    return rows.map(added => ({ ...cells, ...added }))
  }

  private keyed(step: Step, index: number, input: Cells): unknown {
    const states = this.states.get(index) ?? []
    const before = states[this.key] ?? null
    const pair = step.standIn.each(input, before === null ? null : { ...before }, this.call)
    const transform = step.operator.function
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new ContractError('ANB2103', `transform "${transform}" did not return a pair, expected [out, state]`, {
        hint: 'return [out, state]; state null deletes the state of the key',
      })
    const [answer, after]: readonly unknown[] = pair
    const who = { transform, what: 'state column' }
    this.before.push({ states, cells: before })
    states[this.key] = after === null ? null : checkedRow(step.state, after, who)
    return answer
  }
}

/** The columns that each row out gets. */
function rowsOf({ operator, outputs }: Step, main: unknown): readonly Cells[] {
  const who = { transform: operator.function, what: 'column' }
  if (operator.kind === 'transform') return [checkedRow(outputs, main, who)]
  if (operator.kind === 'flat_map') {
    if (!Array.isArray(main))
      throw new ContractError(
        'ANB2103',
        `transform "${who.transform}" returned ${kindOf(main)}, expected an array of rows`,
      )
    return main.map((row: unknown) => checkedRow(outputs, row, who))
  }
  if (typeof main !== 'boolean')
    throw new ContractError('ANB2104', `transform "${who.transform}" returned ${kindOf(main)}, expected a boolean`)
  return main ? [{}] : []
}

function sideEntries(
  step: Step,
  given: unknown,
  at: { readonly operator: number; readonly parent: number },
): readonly SideEntry[] {
  if (typeof given !== 'object' || given === null) return []
  return Object.entries(given).flatMap(([name, rows]: readonly [string, unknown]) => {
    const side = step.sides.find(one => one.name === name)
    if (side === undefined)
      throw new ContractError(
        'ANB2109',
        `transform "${step.operator.function}" returned side output "${name}", declared are ${quoted(step.sides.map(s => s.name))}`,
      )
    const many: readonly unknown[] = Array.isArray(rows) ? rows : rows === undefined ? [] : [rows]
    const who = { transform: step.operator.function, what: `side output "${name}" column` }
    return many.map(row => ({ ...at, output: side.output, cells: checkedRow(side.schema, row, who) }))
  })
}

/** The row as a dead one, where the row alone is to blame; else the call has failed. */
function deadOf(row: number, { operator, thrown }: StepFailed, step: Step | undefined): DeadEntry {
  const rejected = thrown instanceof Rejected
  const alone =
    rejected || (step?.operator.mode === 'row' && !(thrown instanceof Away || thrown instanceof ContractError))
  if (!alone) throw callFailed(operator, thrown)
  const { type, message, traceback } = said(thrown)
  const code = rejected ? 'ANB2002' : 'ANB2001'
  return { row, operator, code, class: 'TransformError', type: rejected ? 'Reject' : type, message, traceback }
}

function callFailed(operator: number, thrown: unknown): CallFailed {
  const failure = { operator, ...said(thrown) }
  if (thrown instanceof Away)
    return new CallFailed({ ...failure, class: 'TransientError', code: 'ANB2009', retryAfterMs: thrown.retryAfterMs })
  if (thrown instanceof ContractError) return new CallFailed({ ...failure, class: 'ContractError', code: thrown.code })
  return new CallFailed({ ...failure, class: 'TransformError', code: 'ANB2001' })
}

function said(thrown: unknown): { readonly type: string; readonly message: string; readonly traceback: string } {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown), traceback: '' }
  return { type: thrown.name, message: thrown.message, traceback: thrown.stack ?? '' }
}
