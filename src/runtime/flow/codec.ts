/**
 * The codec of one stage: a piece of a ticket to the tables of a call, and the tables of a reply to rows, state and
 * dead rows. Everything that a worker says is checked here against what the stage declared before anything is
 * applied; a reply is taken whole or not at all.
 */
import { type AnabranchError, atFailpoint, invariant } from '../../base/index.js'
import {
  type Batch,
  type IpcTemplate,
  type Loan,
  type Memory,
  ipcSize,
  ipcTemplate,
  joinLoans,
  readIpc,
  select,
  withColumns,
  writeIpc,
} from '../../batch/index.js'
import { type StageVertex, deadSchema, schemaIds } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { type NamingRows, type Written, declaredState } from '../../state/index.js'
import { Table, type TableKind, type TablePart, type TableView } from '../../transport/index.js'
import { CollectionCodec } from './collection-codec.js'
import { type Grouping, type KeyedState, type NewState } from './keyed.js'
import { takeOrigin } from './origin.js'
import { tooLarge } from './state-limit.js'
import { type Rows, rowCount, takeRows } from './rows.js'
import { type DeadRow, readDead } from './dead-rows.js'
import { type Measures, readMeasures, refused } from './measures.js'
import { type Call, type Emission } from './ticket.js'

export interface SideOutput {
  readonly operator: number
  /** Output number in the frame, from 1. */
  readonly output: number
  readonly name: string
  readonly schema: Schema
}

/** Tables to send, and the memory that they are written from; or why they may not be sent. */
export interface Outgoing {
  readonly parts: readonly TablePart[]
  readonly loan: Loan | undefined
  readonly error: AnabranchError | null
}

/** Rows of one output as they came: its declared columns, and the row of the call that each is of. */
export interface GivenRows {
  /** 0 the main output, then the sides of the stage. */
  readonly output: number
  readonly batch: Batch
  /** Ascending; null: a row for each row of the call, or rows at the end of the input, which are of none. */
  readonly parent: Int32Array | null
}

/** What a DONE says, checked, before anything is made of it. */
export interface Answered extends Measures {
  readonly given: readonly GivenRows[]
  readonly state: readonly NewState[]
  readonly dead: readonly DeadRow[]
}

export interface Reply extends Omit<Answered, 'given'> {
  readonly emissions: readonly Emission[]
}

/** What was asked: `keys` is how many distinct ones the rows have. */
export interface Question {
  readonly rows: Rows
  readonly call: Call
  readonly keys: number
}

/** Keyed state as calls are given it. */
export type StateSource = Pick<KeyedState, 'keySchema' | 'keysOf' | 'gather' | 'collections'>

interface StateTemplate {
  /** Of the values. */
  readonly schema: Schema
  readonly template: IpcTemplate
  readonly collections: CollectionCodec | null
}

/** Rows of one reply: what its bytes allow, which the transport limits. */
const replyLimits = { rowsMax: 2 ** 31 - 1 } as const

const cells = (bytes: Int32Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function plain(kind: TableKind, bytes: Uint8Array, rows: number, operator = 0): TablePart {
  return { kind, operator, output: 0, schemaId: 0, rows, bytes: bytes.length, write: (to, at) => to.set(bytes, at) }
}

export class StageCodec {
  readonly sides: readonly SideOutput[]
  private readonly shipped: Schema
  private readonly output: Schema
  private readonly rowsTemplate: IpcTemplate
  private readonly stateTemplates: ReadonlyMap<number, StateTemplate>
  private keysTemplate: IpcTemplate | null = null

  constructor(
    private readonly vertex: StageVertex,
    private readonly memory: Memory,
    private readonly stateBytesMax: number,
  ) {
    this.shipped = vertex.shipped
    this.output = vertex.output
    this.rowsTemplate = ipcTemplate(this.shipped)
    this.sides = vertex.operators.flatMap((o, operator) =>
      o.sides.map(({ output, name, schema }) => ({ operator, output, name, schema })),
    )
    this.stateTemplates = new Map(
      vertex.operators.flatMap((o, i) => {
        if (!o.fn.keyed) return []
        const declared = declaredState(schemaFromJson(o.fn.state))
        const collections = CollectionCodec.of(i, declared)
        return [[i, { schema: declared.values, template: ipcTemplate(declared.values), collections }] as const]
      }),
    )
  }

  /** Columns of the stage's input that travel. */
  ship(rows: Rows): Batch {
    return select(
      rows.batch,
      this.shipped.fields.map(f => f.name),
    )
  }

  /** Tables of a CALL. */
  call(rows: Rows, keyed: StateSource | null, grouping: Grouping | null): Outgoing {
    const batch = this.ship(rows)
    const parts = [this.arrow(Table.rows, schemaIds.shipped, this.rowsTemplate, batch)]
    if (keyed === null || grouping === null) return { parts, loan: undefined, error: null }
    let loan: Loan | undefined
    let error: AnabranchError | null = null
    for (const operator of this.stateTemplates.keys()) {
      const state = this.stateOf(operator, keyed, grouping.uniq, { batch, index: grouping.index })
      parts.push(...state.parts)
      loan = joinLoans(loan, state.loan)
      error ??= state.error
    }
    parts.push(
      plain(Table.index, cells(grouping.index), grouping.index.length),
      plain(Table.order, cells(grouping.order), grouping.order.length),
      plain(Table.starts, cells(grouping.starts), grouping.starts.length),
    )
    return { parts, loan, error }
  }

  /** Tables of an END: the keys of one lane and one operator, in order, with their state. */
  end(keys: Batch, slots: Int32Array, operator: number, keyed: StateSource): Outgoing {
    this.keysTemplate ??= ipcTemplate(keyed.keySchema)
    const { parts, ...state } = this.stateOf(operator, keyed, slots, null)
    return { parts: [this.arrow(Table.keys, schemaIds.keys, this.keysTemplate, keys), ...parts], ...state }
  }

  private stateOf(operator: number, keyed: StateSource, uniq: Int32Array, rows: NamingRows | null): Outgoing {
    const known = this.stateTemplates.get(operator)
    invariant(known !== undefined, 'a keyed operator has a template')
    const { state, isNew, loan } = atFailpoint('state.read', () =>
      keyed.gather(operator, uniq, this.memory, rows !== null),
    )
    const parts = [
      this.arrow(Table.state, schemaIds.state(operator), known.template, state, operator),
      plain(Table.isNew, isNew, uniq.length, operator),
    ]
    const collections = keyed.collections.get(operator)
    const heavy = (batches: readonly Batch[]): AnabranchError | null => {
      const keyOf = (row: number): Batch => keyed.keysOf(uniq.subarray(row, row + 1))
      return tooLarge({ operator: this.vertex.operators[operator]?.id ?? '', batches, keyOf }, this.stateBytesMax)
    }
    if (known.collections === null || collections === undefined) return { parts, loan, error: heavy([state]) }
    const more = known.collections.parts(collections, uniq, rows, this.memory)
    const error = heavy([state, ...more.batches])
    return { parts: [...parts, ...more.parts], loan: joinLoans(loan, more.loan), error }
  }

  private arrow(kind: TableKind, schemaId: number, template: IpcTemplate, batch: Batch, operator = 0): TablePart {
    return {
      kind,
      operator,
      output: 0,
      schemaId,
      rows: batch.rows,
      bytes: ipcSize(template, batch),
      write: (to, at) => {
        writeIpc(template, batch, to, at)
      },
    }
  }

  /** Tables of a DONE as rows of the stage. Throws a ProtocolError where they do not fit what was asked. */
  reply(tables: readonly TableView[], asked: Question): Reply {
    const { given, ...answered } = this.read(tables, asked)
    const emissions = given.flatMap((one): readonly Emission[] => {
      const rows = one.output === 0 ? this.joined(asked.rows, one) : { batch: one.batch, origin: originOf(asked, one) }
      return rowCount(rows) === 0 ? [] : [{ output: one.output, rows }]
    })
    return { ...answered, emissions }
  }

  /** What the tables of a DONE say. Throws a ProtocolError where they do not fit what was asked. */
  read(tables: readonly TableView[], asked: Question): Answered {
    for (const table of tables) this.check(table, asked.call)
    const isRows = asked.call.kind === 'rows'
    const given = [
      ...(isRows ? [this.mainOutput(tables, rowCount(asked.rows))] : []),
      ...this.sides.flatMap((side, i) => this.sideOutput(tables, { ...side, index: i + 1 }, asked)),
    ]
    const measures = readMeasures(tables)
    for (const { operator, byRule } of measures.checked) {
      const rules = this.vertex.operators[operator]?.fn.check?.rules.length
      if (rules !== byRule.length) throw refused(`counts of ${rules ?? 'no'} rules`, `${byRule.length}`)
    }
    return {
      given,
      state: isRows ? this.newState(tables, asked.keys) : [],
      dead: readDead(tables, deadSchema, rowCount(asked.rows), this.vertex.operators.length),
      ...measures,
    }
  }

  /** A table that nobody reads is refused: were it one of ours with a damaged name, a row would change or be lost. */
  private check(table: TableView, call: Call): void {
    if (this.expects(table, call.kind === 'rows')) return
    const { kind, operator, output, schemaId } = table
    throw refused('a table of this stage', `kind ${kind}, operator ${operator}, output ${output}, schema ${schemaId}`)
  }

  private expects(table: TableView, rows: boolean): boolean {
    const { kind, operator, output, schemaId } = table
    const main = operator === 0 && output === 0
    const side = this.sides.some(s => s.operator === operator && s.output === output)
    const keyed = rows && output === 0 && this.stateTemplates.has(operator)
    switch (kind) {
      case Table.output:
        return side ? schemaId === schemaIds.side(operator, output) : rows && main && schemaId === schemaIds.output
      case Table.parent:
        return rows && (main || side)
      case Table.state:
        return keyed && schemaId === schemaIds.state(operator)
      case Table.list:
      case Table.map:
        return keyed && this.stateTemplates.get(operator)?.collections?.expects(table) === true
      case Table.clear:
        return keyed
      case Table.written:
        return rows && this.stateTemplates.get(operator)?.schema.fields[output - 1]?.keep?.ttl !== undefined
      case Table.dead:
        return main && schemaId === schemaIds.dead
      default:
        return kind === Table.measures && main
    }
  }

  private mainOutput(tables: readonly TableView[], rows: number): GivenRows {
    const found = tables.find(t => t.kind === Table.output && t.output === 0)
    const parents = tables.find(t => t.kind === Table.parent && t.output === 0)
    const parent = parents === undefined ? null : readParent(parents, rows)
    const m = parent?.length ?? rows
    // It comes without columns too: its rows say that no table of parents was lost.
    if (found === undefined) throw refused('the main output of the stage', 'none')
    const batch = readIpc(this.output, found.bytes, replyLimits)
    if (batch.rows !== m || found.rows !== m) throw refused(`${m} rows of output`, `${batch.rows} and ${found.rows}`)
    return { output: 0, batch, parent }
  }

  /** With the columns of the rows that they were made of. */
  private joined(rows: Rows, { batch, parent }: GivenRows): Rows {
    const base = parent === null ? { batch: rows.batch, origin: rows.origin } : takeRows(rows, parent, this.memory)
    if (this.output.fields.length === 0) return base
    const joined = withColumns(base.batch, batch)
    return { ...base, batch: { ...joined, schema: this.vertex.schema } }
  }

  private sideOutput(
    tables: readonly TableView[],
    { index, ...side }: SideOutput & { readonly index: number },
    asked: Question,
  ): readonly GivenRows[] {
    const mine = (t: TableView): boolean => t.operator === side.operator && t.output === side.output
    const found = tables.find(t => t.kind === Table.output && mine(t))
    if (found === undefined) return []
    const batch = readIpc(side.schema, found.bytes, replyLimits)
    if (asked.call.kind === 'end') return [{ output: index, batch, parent: null }]
    const parents = tables.find(t => t.kind === Table.parent && mine(t))
    const n = rowCount(asked.rows)
    if (parents === undefined) {
      if (batch.rows !== n) throw refused(`${n} rows of side output`, `${batch.rows}`)
      return [{ output: index, batch, parent: null }]
    }
    const parent = readParent(parents, n)
    if (parent.length !== batch.rows) throw refused(`${batch.rows} parents of side output`, `${parent.length}`)
    return [{ output: index, batch, parent }]
  }

  private newState(tables: readonly TableView[], keys: number): NewState[] {
    return [...this.stateTemplates].map(([operator, { schema, collections }]) => {
      const found = tables.find(t => t.kind === Table.state && t.operator === operator)
      if (found === undefined) throw refused(`state of operator ${operator}`, 'none')
      const state = readIpc(schema, found.bytes, replyLimits)
      if (state.rows !== keys) throw refused(`${keys} rows of state`, `${state.rows}`)
      const clear = tables.find(t => t.kind === Table.clear && t.operator === operator)
      if (clear !== undefined && clear.rows !== keys) throw refused(`${keys} bits to clear`, `${clear.rows}`)
      const changes = collections?.changes(tables, keys) ?? null
      return {
        operator,
        state,
        clear: clear?.bytes ?? null,
        written: readWritten(tables, operator, schema, keys),
        changes,
      }
    })
  }
}

const originOf = ({ rows }: Question, { parent }: GivenRows): Rows['origin'] =>
  parent === null ? rows.origin : takeOrigin(rows.origin, parent)

/** A bitmap of k bits for each value that expires and was written; `output` in the frame is its place, from 1. */
function readWritten(tables: readonly TableView[], operator: number, values: Schema, keys: number): Written {
  const mine = tables.filter(t => t.kind === Table.written && t.operator === operator)
  return new Map(
    mine.map(({ output, rows, bytes }) => {
      const field = values.fields[output - 1]
      if (field === undefined || rows !== keys) throw refused(`which of ${keys} keys a value was written of`, `${rows}`)
      return [field.name, bytes] as const
    }),
  )
}

/** int32[m], ascending, each a row that was sent. */
function readParent(table: TableView, rows: number): Int32Array {
  if (table.bytes.length !== table.rows * 4)
    throw refused(`${table.rows * 4} bytes of parents`, `${table.bytes.length}`)
  const bytes = table.bytes.byteOffset % 4 === 0 ? table.bytes : table.bytes.slice()
  const parent = new Int32Array(bytes.buffer, bytes.byteOffset, table.rows)
  let before = 0
  for (const row of parent) {
    if (row < before || row >= rows) throw refused(`parents from 0 to ${rows - 1}, ascending`, `${row} after ${before}`)
    before = row
  }
  return parent
}
