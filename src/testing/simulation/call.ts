/**
 * One call as bytes: the worker's own reading of a frame (the directory by hand, then Arrow), and its answer as a
 * frame. Nothing here uses the host's checks, since a worker has other code than the host.
 */
import { type Batch, batchFromRows, columnOf, emptyBatch, readIpc, rowsOf, type Value } from '../../batch/index.js'
import { type OpenStage, deadSchema, schemaIds } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import {
  type Envelope,
  type TablePart,
  Message,
  Table,
  bytesPart,
  decodeEnvelope,
  inlineFrame,
} from '../../transport/index.js'
import { arrow } from './arrow-part.js'
import { KeptTables, bitsOf } from './kept-tables.js'
import { type KeyState } from './stand-in-kept.js'
import { type Grouped, type Outcome, type Produced, runAtEnd, runChain } from './stand-in.js'
import { type Version, firstVersion } from './versions.js'

export interface Given {
  readonly kind: number
  readonly operator: number
  readonly rows: number
  readonly bytes: Uint8Array
}

export interface CallRead {
  readonly envelope: Envelope
  readonly tables: readonly Given[]
}

/** The README's directory: 32 bytes an entry, offsets from the start of the body. */
export function readCall(frame: Uint8Array): CallRead {
  const envelope = decodeEnvelope(frame)
  // A Buffer would answer a view here, and a worker has memory of its own.
  const body = new Uint8Array(frame.subarray(64))
  const view = new DataView(body.buffer)
  const tables = Array.from({ length: envelope.tables }, (_, i) => {
    const at = i * 32
    const offset = view.getUint32(at + 16, true)
    return {
      kind: view.getUint16(at, true),
      operator: view.getUint16(at + 2, true),
      rows: view.getUint32(at + 12, true),
      bytes: body.subarray(offset, offset + view.getUint32(at + 24, true)),
    }
  })
  return { envelope, tables }
}

export const integers = (bytes: Uint8Array): Int32Array => new Int32Array(new Uint8Array(bytes).buffer)

/** A stage as a worker knows it after OPEN. */
export class OpenedStage {
  private readonly shipped: Schema
  private readonly output: Schema
  private readonly keys: Schema | null
  private readonly states: readonly KeptTables[]
  private readonly sides: readonly Schema[]

  constructor(
    readonly open: OpenStage,
    private readonly numbers: readonly number[],
    /** Of each operator; left out: the first one of all. */
    private readonly versions: readonly Version[] = [],
  ) {
    this.shipped = schemaFromJson(open.shipped)
    this.output = schemaFromJson(open.output)
    this.keys = open.keys === null ? null : schemaFromJson(open.keys)
    this.states = open.operators.map(o => new KeptTables(schemaFromJson(o.state)))
    this.sides = open.operators.map(o => schemaFromJson(Object.values(o.side)[0] ?? []))
  }

  run({ envelope, tables }: CallRead): Outcome {
    if (envelope.kind === Message.end) return this.runEnd(tables)
    const rows = rowsOf(readIpc(this.shipped, given(tables, Table.rows).bytes))
    return runChain({
      operators: this.open.operators,
      numbers: this.numbers,
      versions: this.versions,
      rows,
      grouped: this.grouped(tables),
      state: operator => this.stateOf(tables, operator),
    })
  }

  private runEnd(tables: readonly Given[]): Outcome {
    const state = given(tables, Table.state)
    const keys = rowsOf(readIpc(this.keys ?? { fields: [] }, given(tables, Table.keys).bytes))
    const { function: name = '' } = this.open.operators[state.operator] ?? {}
    const version = this.versions[state.operator] ?? firstVersion
    const out = runAtEnd({ name, version }, keys, this.stateOf(tables, state.operator))
    if ('raised' in out) return { kind: 'raised', operator: state.operator, message: out.raised }
    const entries = out.map((row, parent) => ({ parent, cells: row }))
    return { kind: 'done', main: [], sides: new Map([[state.operator, entries]]), state: new Map(), dead: [] }
  }

  private grouped(tables: readonly Given[]): Grouped | null {
    const index = tables.find(t => t.kind === Table.index)
    if (index === undefined) return null
    return {
      index: integers(index.bytes),
      order: integers(given(tables, Table.order).bytes),
      starts: integers(given(tables, Table.starts).bytes),
    }
  }

  private stateOf(tables: readonly Given[], operator: number): KeyState[] {
    const { states } = this
    const of = states[operator]
    if (of === undefined) throw new RangeError(`operator ${operator} was opened`)
    const fresh = given(tables, Table.isNew, operator).bytes
    const rows: Record<string, Value>[] = rowsOf(readIpc(of.values, given(tables, Table.state, operator).bytes))
    const bytesOf = (kind: number): Uint8Array | null =>
      tables.find(t => t.kind === kind && t.operator === operator)?.bytes ?? null
    const kept = of.read(rows.length, { lists: bytesOf(Table.list), maps: bytesOf(Table.map) })
    return kept.map((each, j) => ({
      ...each,
      cells: rows[j] ?? {},
      written: new Set(),
      isNew: ((fresh[j >> 3] ?? 0) >> (j & 7)) % 2 === 1,
      touched: false,
      cleared: false,
    }))
  }

  /** Tables of DONE. */
  done(
    call: CallRead,
    produced: Produced,
    measures: { readonly us: number; readonly rss: number },
  ): readonly TablePart[] {
    const parts: TablePart[] = []
    if (call.envelope.kind === Message.call) parts.push(...this.mainParts(call.envelope.rows, produced))
    for (const [operator, entries] of produced.sides) parts.push(...this.sideParts(call, operator, entries))
    for (const [operator, keys] of produced.state) parts.push(...this.stateParts(operator, keys))
    if (produced.dead.length > 0) {
      const dead = produced.dead.map(d => ({ ...d, class: 'TransformError', type: 'ValueError', traceback: '' }))
      parts.push(arrow(Table.dead, schemaIds.dead, batchFromRows(deadSchema, dead)))
    }
    const json = new TextEncoder().encode(JSON.stringify({ ...measures, counters: {}, gauges: {} }))
    return [...parts, bytesPart({ kind: Table.measures, schemaId: 0, rows: 0 }, json)]
  }

  private mainParts(rows: number, { main }: Produced): readonly TablePart[] {
    const parts: TablePart[] = []
    const whole = main.length === rows && main.every((e, i) => e.parent === i)
    parts.push(arrow(Table.output, schemaIds.output, batchOfCells(this.output, main)))
    if (!whole) parts.push(parentPart(main, 0, 0))
    return parts
  }

  private sideParts(call: CallRead, operator: number, entries: Produced['main']): readonly TablePart[] {
    const schema = this.sides[operator] ?? { fields: [] }
    const output = arrow(Table.output, schemaIds.side(operator, 1), batchOfCells(schema, entries), {
      operator,
      output: 1,
    })
    return call.envelope.kind === Message.end ? [output] : [output, parentPart(entries, operator, 1)]
  }

  private stateParts(operator: number, keys: readonly KeyState[]): readonly TablePart[] {
    const of = this.states[operator]
    if (of === undefined) throw new RangeError(`operator ${operator} was opened`)
    const values = batchFromRows(
      of.values,
      keys.map(k => k.cells),
    )
    const state = arrow(Table.state, schemaIds.state(operator), values, { operator, output: 0 })
    const parts = [state, ...of.parts(operator, keys)]
    // A new key of which no row was left must not come to life.
    const clear = keys.map(k => k.cleared || (k.isNew && !k.touched))
    if (!clear.includes(true)) return parts
    return [...parts, bytesPart({ kind: Table.clear, operator, schemaId: 0, rows: keys.length }, bitsOf(clear))]
  }
}

export function given(tables: readonly Given[], kind: number, operator?: number): Given {
  const found = tables.find(t => t.kind === kind && (operator === undefined || t.operator === operator))
  if (found === undefined) throw new RangeError(`a call has table ${kind}`)
  return found
}

export function batchOfCells(schema: Schema, entries: Produced['main']): Batch {
  if (schema.fields.length === 0) return { ...emptyBatch(schema), rows: entries.length }
  const columns = schema.fields.map(f =>
    columnOf(
      f.type,
      entries.map(e => e.cells[f.name] ?? null),
    ),
  )
  return { schema, rows: entries.length, columns }
}

export function parentPart(entries: Produced['main'], operator: number, output: number): TablePart {
  const bytes = new Uint8Array(Int32Array.from(entries, e => e.parent).buffer)
  return bytesPart({ kind: Table.parent, operator, output, schemaId: 0, rows: entries.length }, bytes)
}

/** DONE or FAILED as bytes. */
export function replyFrame(call: CallRead, kind: number, parts: readonly TablePart[]): Uint8Array {
  const { job, incarnation, lane, sequence, attempt, rows, stage } = call.envelope
  return inlineFrame({ kind, job, incarnation, lane, sequence, attempt, rows, stage }, parts)
}

export function failedFrame(call: CallRead, error: Readonly<Record<string, unknown>>): Uint8Array {
  const json = { traceback: 'File "transforms.py", line 1', cause: [], operator: 0, retryAfterMs: null, ...error }
  const bytes = new TextEncoder().encode(JSON.stringify(json))
  return replyFrame(call, Message.failed, [bytesPart({ kind: Table.error, schemaId: 0, rows: 0 }, bytes)])
}
