/**
 * Expiry: state that lives for a time, in processing time. Beside each column that expires a hidden one says when it was
 * last written, in milliseconds since 1970; what is older than its time reads as state that was never there. It is taken
 * away a few slots at a time.
 */
import {
  type Batch,
  type Column,
  type Memory,
  bitAt,
  bitmapBytes,
  bytesOf,
  columnOf,
  concat,
  makeColumn,
  setBit,
  take,
} from '../batch/index.js'
import { type Field, type Schema, type Ttl } from '../schema/index.js'
import { type Gathered, type StateTable } from './state-table.js'

/** The time that state is judged by; who has a clock moves it. */
export interface StateClock {
  wallMs: number
}

/** Which values a reply wrote: for a column by name a bitmap of k bits; one that is not there was not written. */
export type Written = ReadonlyMap<string, Uint8Array>

const timeOf = ({ name }: Field): Field => ({ name: `${name} (written)`, type: { kind: 'float64' } })
const ttlOf = (field: Field): Ttl | undefined => field.keep?.ttl

/** The columns that a table has for these values: they, and a time for each that expires. */
export const storedValues = (values: Schema): Schema => ({
  fields: [...values.fields, ...values.fields.filter(ttlOf).map(timeOf)],
})

/** Names of values that a table has, without its times. */
export function valuesStored({ fields }: Schema): readonly string[] {
  const times = new Set(fields.map(field => timeOf(field).name))
  return fields.flatMap(({ name }) => (times.has(name) ? [] : [name]))
}

interface Timed {
  readonly field: Field
  readonly ttl: Ttl
  /** Its place among the values, and that of its time among the stored columns. */
  readonly at: number
  readonly time: number
}

export class Expiry {
  private readonly timed: readonly Timed[]
  private next = 0

  constructor(
    private readonly table: StateTable,
    private readonly values: Schema,
    private readonly clock: StateClock,
  ) {
    const timed = values.fields.filter(ttlOf)
    this.timed = timed.flatMap((field, i): Timed[] => {
      const ttl = ttlOf(field)
      const at = values.fields.indexOf(field)
      return ttl === undefined ? [] : [{ field, ttl, at, time: values.fields.length + i }]
    })
  }

  /** null where nothing expires. */
  static of(table: StateTable, values: Schema, clock: StateClock): Expiry | null {
    return values.fields.some(ttlOf) ? new Expiry(table, values, clock) : null
  }

  /** As the table's `gather`, without what has expired. `reads`: it goes to a transform. */
  gather(uniq: Int32Array, reads: boolean, memory?: Memory): Gathered {
    const stored = this.table.gather(uniq, memory)
    if (reads) this.touch(uniq, stored)
    const hidden = this.timed.filter(({ ttl }) => ttl.visibility === 'never_return_expired')
    return this.shown(stored, hidden)
  }

  /** What is read lives anew, where that is declared and it is still there. */
  private touch(uniq: Int32Array, { state, isNew }: Gathered): void {
    const read = this.timed.filter(({ ttl }) => ttl.update === 'on_read_and_write')
    if (read.length === 0) return
    const columns = [...state.columns]
    for (const { time, ttl } of read) {
      const times = timesOf(state.columns[time])
      columns[time] = timeColumn(times.map(at => (this.isOver(at, ttl) ? at : this.clock.wallMs)))
    }
    this.table.apply(uniq, { ...state, columns }, isNew)
  }

  private isOver(at: number, ttl: Ttl): boolean {
    return at + ttl.ms <= this.clock.wallMs
  }

  /** The values, those of `hidden` columns as a new key has them where their time is over. */
  private shown({ state, isNew, loan }: Gathered, hidden: readonly Timed[]): Gathered {
    const columns = state.columns.slice(0, this.values.fields.length)
    const left = new Uint8Array(bitmapBytes(state.rows))
    for (const { field, at, time, ttl } of hidden) {
      const times = timesOf(state.columns[time])
      const over = times.map(each => Number(this.isOver(each, ttl)))
      if (over.includes(1)) columns[at] = withDefault(state, at, field, over)
      over.forEach((is, i) => {
        if (is === 0 && !Number.isNaN(times[i])) setBit(left, i)
      })
    }
    const batch = { schema: this.values, rows: state.rows, columns }
    // A key of which nothing is left is a new one.
    const all = hidden.length === this.values.fields.length
    return { state: batch, isNew: all ? left.map((byte, i) => masked(~byte, i, state.rows)) : isNew, loan }
  }

  /**
   * The columns to apply: what was written now has its time, what was not keeps it. What has none any more, since a sweep came
   * between the call and its answer, does not come back with the answer.
   */
  stamped(uniq: Int32Array, state: Batch, written: Written): Batch {
    const before = this.table.gather(uniq)
    const values = [...state.columns]
    const times = this.timed.map(({ field, at, time }) => {
      const bits = written.get(field.name)
      const old = timesOf(before.state.columns[time])
      const now = old.map((each, i) => (bits !== undefined && bitAt(bits, i) === 1 ? this.clock.wallMs : each))
      if (now.some(Number.isNaN))
        values[at] = withDefault(
          state,
          at,
          field,
          now.map(each => Number(Number.isNaN(each))),
        )
      return timeColumn(now)
    })
    return { schema: this.table.schema, rows: state.rows, columns: [...values, ...times] }
  }

  /** The keys that `clear` names, and those of which nothing was ever written: where all values expire, they have no state. */
  cleared({ rows, columns }: Batch, clear: Uint8Array | null): Uint8Array | null {
    if (this.timed.length < this.values.fields.length) return clear
    const times = this.timed.map(({ time }) => timesOf(columns[time]))
    const isNothing = (row: number): boolean => times.every(of => Number.isNaN(of[row]))
    const gone = Int32Array.from({ length: rows }, (_, row) => row).filter(isNothing)
    if (gone.length === 0) return clear
    const bits = clear?.slice() ?? new Uint8Array(bitmapBytes(rows))
    for (const row of gone) setBit(bits, row)
    return bits
  }

  /** Rows of the table's columns in which something has expired. */
  expired({ rows, columns }: Batch): Int32Array {
    const times = this.timed.map(({ time, ttl }) => ({ ttl, of: timesOf(columns[time]) }))
    const isOver = (row: number): boolean => times.some(({ ttl, of }) => this.isOver(of[row] ?? NaN, ttl))
    return Int32Array.from({ length: rows }, (_, row) => row).filter(isOver)
  }

  /** The shortest time that something lives. */
  get shortestMs(): number {
    return Math.min(...this.timed.map(({ ttl }) => ttl.ms))
  }

  /** Takes away what has expired in the next `slotsMax` slots. Answers those that have nothing left. */
  sweep(slotsMax: number): Int32Array {
    const limit = this.table.slots
    if (this.next >= limit) this.next = 0
    const slots: number[] = []
    for (const end = Math.min(limit, this.next + slotsMax); this.next < end; this.next++)
      if (this.table.present(this.next)) slots.push(this.next)
    return slots.length === 0 ? new Int32Array(0) : this.takeAway(Int32Array.from(slots))
  }

  /** Takes away what has expired of these slots. Answers those that have nothing left. */
  takeAway(looked: Int32Array): Int32Array {
    const stored = this.table.gather(looked)
    const { state, isNew } = this.shown(stored, this.timed)
    const before = this.timed.map(({ time }) => timesOf(stored.state.columns[time]))
    const times = this.timed.map(({ ttl }, t) => timesLeft(before[t], at => this.isOver(at, ttl)))
    const rows = Int32Array.from(looked.keys()).filter(i => times.some((left, t) => isGone(before[t]?.[i], left[i])))
    if (rows.length === 0) return rows
    const all = {
      schema: this.table.schema,
      rows: looked.length,
      columns: [...state.columns, ...times.map(timeColumn)],
    }
    const clear = new Uint8Array(bitmapBytes(rows.length))
    rows.forEach((row, i) => {
      if (bitAt(isNew, row) === 1) setBit(clear, i)
    })
    const uniq = rows.map(row => looked[row] ?? 0)
    this.table.apply(uniq, take(all, rows), clear)
    return uniq.filter((_, i) => bitAt(clear, i) === 1)
  }
}

const timesLeft = (times: Float64Array | undefined, isOver: (at: number) => boolean): Float64Array =>
  (times ?? new Float64Array(0)).map(at => (isOver(at) ? NaN : at))
const isGone = (before: number | undefined, after: number | undefined): boolean =>
  !Number.isNaN(before) && Number.isNaN(after)

/** When each was written; NaN: never. */
function timesOf(column: Column | undefined): Float64Array {
  if (column === undefined) return new Float64Array(0)
  const { values, length, validity } = column
  const times = new Float64Array(values.buffer, values.byteOffset, length)
  return validity === null ? times : times.map((at, i) => (bitAt(validity, i) === 1 ? at : NaN))
}

function timeColumn(times: Float64Array): Column {
  const validity = new Uint8Array(bitmapBytes(times.length))
  let nullCount = 0
  times.forEach((at, i) => {
    if (Number.isNaN(at)) nullCount += 1
    else setBit(validity, i)
  })
  const nulls = { nullCount, validity: nullCount === 0 ? null : validity }
  return makeColumn({ kind: 'float64' }, times.length, nulls, { offsets: null, values: bytesOf(times), children: [] })
}

/** A column with what a new key has, or null, where `over` is 1. */
function withDefault(state: Batch, at: number, field: Field, over: Float64Array): Column {
  const [column] = state.columns.slice(at, at + 1)
  const schema: Schema = { fields: [{ name: field.name, type: field.type }] }
  const one: Batch = { schema, rows: 1, columns: [columnOf(field.type, [field.default ?? null])] }
  if (column === undefined) return columnOf(field.type, [])
  const both = concat([{ schema, rows: column.length, columns: [column] }, one])
  const rows = Int32Array.from(over, (is, i) => (is === 1 ? column.length : i))
  return take(both, rows).columns[0] ?? column
}

const masked = (byte: number, i: number, bits: number): number => {
  const rest = bits - 8 * i
  return rest >= 8 ? byte & 255 : byte & ((1 << Math.max(0, rest)) - 1)
}
