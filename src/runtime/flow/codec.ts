/**
 * The codec of one stage: a piece of a ticket to the tables of a call, and the tables of a reply to rows, state and
 * dead rows. Everything that a worker says is checked here against what the stage declared before anything is
 * applied; a reply is taken whole or not at all.
 */
import { type AnabranchError, ProtocolError, ShapeError, atFailpoint, invariant, shape } from '../../base/index.js'
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
import { type Checked } from './check-tally.js'
import { CollectionCodec } from './collection-codec.js'
import { type Grouping, type KeyedState, type NewState } from './keyed.js'
import { takeOrigin } from './origin.js'
import { tooLarge } from './state-limit.js'
import { type Rows, rowCount, takeRows } from './rows.js'
import { type DeadRow, readDead } from './dead-rows.js'
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
export interface Reply {
  readonly emissions: readonly Emission[]
  readonly state: readonly NewState[]
  readonly dead: readonly DeadRow[]
  readonly us: number
  readonly rssBytes: number
  readonly rowsWanted: number
  readonly counters: Readonly<Record<string, number>>
  readonly checked: readonly Checked[]
}

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
  call(rows: Rows, keyed: KeyedState | null, grouping: Grouping | null): Outgoing {
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
  end(keys: Batch, slots: Int32Array, operator: number, keyed: KeyedState): Outgoing {
    this.keysTemplate ??= ipcTemplate(keyed.keySchema)
    const { parts, ...state } = this.stateOf(operator, keyed, slots, null)
    return { parts: [this.arrow(Table.keys, schemaIds.keys, this.keysTemplate, keys), ...parts], ...state }
  }

  private stateOf(operator: number, keyed: KeyedState, uniq: Int32Array, rows: NamingRows | null): Outgoing {
    const known = this.stateTemplates.get(operator)
    invariant(known !== undefined, 'a keyed operator has a template')
    const { state, isNew, loan } = atFailpoint('state.read', () => keyed.gather(operator, uniq, this.memory))
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

  /** Tables of a DONE. Throws a ProtocolError where they do not fit what was asked. */
  reply(tables: readonly TableView[], asked: { rows: Rows; call: Call; keys: number }): Reply {
    for (const table of tables) this.check(table, asked.call)
    const emissions: Emission[] = []
    if (asked.call.kind === 'rows') {
      const main = this.mainOutput(tables, asked.rows)
      if (rowCount(main) > 0) emissions.push({ output: 0, rows: main })
    }
    this.sides.forEach((side, i) => {
      const rows = this.sideOutput(tables, side, asked)
      if (rows !== null && rowCount(rows) > 0) emissions.push({ output: i + 1, rows })
    })
    const measures = readMeasures(tables)
    for (const { operator, byRule } of measures.checked) {
      const rules = this.vertex.operators[operator]?.fn.check?.rules.length
      if (rules !== byRule.length) throw refused(`counts of ${rules ?? 'no'} rules`, `${byRule.length}`)
    }
    return {
      emissions,
      state: asked.call.kind === 'rows' ? this.newState(tables, asked.keys) : [],
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

  private mainOutput(tables: readonly TableView[], rows: Rows): Rows {
    const found = tables.find(t => t.kind === Table.output && t.output === 0)
    const parents = tables.find(t => t.kind === Table.parent && t.output === 0)
    const parent = parents === undefined ? null : readParent(parents, rowCount(rows))
    const m = parent?.length ?? rowCount(rows)
    const base = parent === null ? { batch: rows.batch, origin: rows.origin } : takeRows(rows, parent, this.memory)
    // It comes without columns too: its rows say that no table of parents was lost.
    if (found === undefined) throw refused('the main output of the stage', 'none')
    const added = readIpc(this.output, found.bytes, replyLimits)
    if (added.rows !== m || found.rows !== m) throw refused(`${m} rows of output`, `${added.rows} and ${found.rows}`)
    if (this.output.fields.length === 0) return base
    const joined = withColumns(base.batch, added)
    return { ...base, batch: { ...joined, schema: this.vertex.schema } }
  }

  private sideOutput(
    tables: readonly TableView[],
    side: SideOutput,
    asked: { readonly rows: Rows; readonly call: Call },
  ): Rows | null {
    const mine = (t: TableView): boolean => t.operator === side.operator && t.output === side.output
    const found = tables.find(t => t.kind === Table.output && mine(t))
    if (found === undefined) return null
    const batch = readIpc(side.schema, found.bytes, replyLimits)
    if (asked.call.kind === 'end') return { batch, origin: asked.rows.origin }
    const parents = tables.find(t => t.kind === Table.parent && mine(t))
    if (parents === undefined) {
      if (batch.rows !== rowCount(asked.rows))
        throw refused(`${rowCount(asked.rows)} rows of side output`, `${batch.rows}`)
      return { batch, origin: asked.rows.origin }
    }
    const parent = readParent(parents, rowCount(asked.rows))
    if (parent.length !== batch.rows) throw refused(`${batch.rows} parents of side output`, `${parent.length}`)
    return { batch, origin: takeOrigin(asked.rows.origin, parent) }
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

const refused = (expected: string, got: string): AnabranchError =>
  new ProtocolError('ANB5001', `expected ${expected} in a reply, got ${got}`)

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

interface Measures {
  readonly us: number
  readonly rssBytes: number
  /** 0 where a call may be as short as its rows are cheap. */
  readonly rowsWanted: number
  readonly counters: Readonly<Record<string, number>>
  readonly checked: readonly Checked[]
}

const checkedShape = shape.list(shape.list(shape.whole))

function readMeasures(tables: readonly TableView[]): Measures {
  const found = tables.find(t => t.kind === Table.measures)
  const none: Measures = { us: 0, rssBytes: 0, rowsWanted: 0, counters: {}, checked: [] }
  if (found === undefined) return none
  const json = parseObject(found.bytes)
  const amount = (value: unknown): number =>
    typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
  const counters = Object.entries(
    typeof json['counters'] === 'object' && json['counters'] !== null ? json['counters'] : {},
  )
  return {
    us: amount(json['us']),
    rssBytes: amount(json['rss']),
    rowsWanted: amount(json['rowsWanted']),
    counters: Object.fromEntries(counters.map(([name, value]) => [name, amount(value)])),
    checked: readChecked(json['checked'] ?? []),
  }
}

/** `[operator, rows, failed, ...byRule]` for each check of the call. */
function readChecked(value: unknown): readonly Checked[] {
  try {
    return checkedShape(value, 'checked').map(([operator = -1, rows = 0, failed = 0, ...byRule]) => {
      return { operator, rows, failed, byRule }
    })
  } catch (error) {
    if (error instanceof ShapeError) throw refused(error.message, 'another form of counts')
    throw error
  }
}

/** A JSON object that a worker wrote; a ProtocolError where it is anything else. */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new ProtocolError('ANB5001', 'expected JSON in a reply, got something else', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused('a JSON object', Array.isArray(value) ? 'an array' : typeof value)
  return Object.fromEntries(Object.entries(value))
}
