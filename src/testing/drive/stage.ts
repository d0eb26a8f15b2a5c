/** One stage as a worker with stand-ins knows it: the frame of a call in, the frame of its answer out. */
import { type Batch, type Value, batchFromRows, readIpc, rowsOf } from '../../batch/index.js'
import { type OpenStage, deadSchema, schemaIds } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { Message, Table, type TablePart, bytesPart, jsonPart } from '../../transport/index.js'
import {
  type CallRead,
  arrow,
  batchOfCells,
  failedFrame,
  given,
  integers,
  parentPart,
  replyFrame,
} from '../simulation/call.js'
import { type Cells } from './answer.js'
import { CallFailed, type Produced, type SideEntry, type States, type Step, runKeys, runRows } from './chain.js'
import { type Called } from './stand-in.js'

/** Microseconds of a row and resident bytes, as a worker reports them: what decides how many rows a call gets. */
const rowUs = 1
const residentBytes = 50_000_000

export class StandInStage {
  private readonly shipped: Schema
  private readonly output: Schema
  private readonly keys: Schema

  constructor(
    open: OpenStage,
    private readonly steps: readonly Step[],
  ) {
    this.shipped = schemaFromJson(open.shipped)
    this.output = schemaFromJson(open.output)
    this.keys = schemaFromJson(open.keys ?? [])
  }

  /** DONE or FAILED. */
  answer(read: CallRead, call: Called): Uint8Array {
    try {
      const parts = read.envelope.kind === Message.end ? this.end(read, call) : this.rows(read, call)
      const measures = { us: rowUs * read.envelope.rows, rss: residentBytes, counters: {}, gauges: {} }
      return replyFrame(read, Message.done, [...parts, { ...jsonPart(measures), kind: Table.measures }])
    } catch (error) {
      if (error instanceof CallFailed) return failedFrame(read, error.failure)
      throw error
    }
  }

  private rows(read: CallRead, call: Called): readonly TablePart[] {
    const rows = rowsOf(readIpc(this.shipped, given(read.tables, Table.rows).bytes))
    const index = read.tables.find(table => table.kind === Table.index)
    const states: States = new Map(
      this.steps.flatMap((step, i) => (step.operator.keyed ? [[i, this.statesOf(read, i)] as const] : [])),
    )
    const produced = runRows(this.steps, {
      rows,
      keys: index === undefined ? null : integers(index.bytes),
      states,
      call,
    })
    return [
      ...this.mainParts(rows.length, produced),
      ...this.sideParts(produced.sides, true),
      ...[...states].flatMap(([operator, keys]) => this.stateParts(operator, keys)),
      ...deadParts(produced),
    ]
  }

  private end(read: CallRead, call: Called): readonly TablePart[] {
    const { operator } = given(read.tables, Table.state)
    const step = this.steps[operator]
    if (step === undefined) throw new RangeError(`operator ${operator} is in the stage`)
    const keys = rowsOf(readIpc(this.keys, given(read.tables, Table.keys).bytes))
    return this.sideParts(runKeys(step, operator, { keys, states: this.statesOf(read, operator), call }), false)
  }

  /** The state of the call's keys; null where a key is new. */
  private statesOf(read: CallRead, operator: number): (Cells | null)[] {
    const fresh = given(read.tables, Table.isNew, operator).bytes
    const schema = this.steps[operator]?.state ?? { fields: [] }
    return rowsOf(readIpc(schema, given(read.tables, Table.state, operator).bytes)).map((cells, key) =>
      ((fresh[key >> 3] ?? 0) >> (key & 7)) % 2 === 1 ? null : cells,
    )
  }

  private mainParts(rows: number, { main }: Produced): readonly TablePart[] {
    const output = arrow(Table.output, schemaIds.output, batchOfCells(this.output, main))
    const whole = main.length === rows && main.every((entry, i) => entry.parent === i)
    return whole ? [output] : [output, parentPart(main, 0, 0)]
  }

  private sideParts(entries: readonly SideEntry[], parents: boolean): readonly TablePart[] {
    return this.steps.flatMap(({ sides }, operator) =>
      sides.flatMap(({ output, schema }) => {
        const mine = entries.filter(entry => entry.operator === operator && entry.output === output)
        if (mine.length === 0) return []
        const at = { operator, output }
        const table = arrow(Table.output, schemaIds.side(operator, output), batchOfCells(schema, mine), at)
        return parents ? [table, parentPart(mine, operator, output)] : [table]
      }),
    )
  }

  private stateParts(operator: number, keys: readonly (Cells | null)[]): readonly TablePart[] {
    const schema = this.steps[operator]?.state ?? { fields: [] }
    const none: Readonly<Record<string, Value>> = {}
    const batch: Batch = batchFromRows(
      schema,
      keys.map(cells => cells ?? none),
    )
    const state = arrow(Table.state, schemaIds.state(operator), batch, { operator, output: 0 })
    if (!keys.includes(null)) return [state]
    const bits = new Uint8Array((keys.length + 7) >> 3)
    for (const [key, cells] of keys.entries())
      if (cells === null) bits[key >> 3] = (bits[key >> 3] ?? 0) | (1 << (key & 7))
    return [state, bytesPart({ kind: Table.clear, operator, schemaId: 0, rows: keys.length }, bits)]
  }
}

function deadParts({ dead }: Produced): readonly TablePart[] {
  if (dead.length === 0) return []
  const rows = dead.map(one => ({ ...one }))
  return [arrow(Table.dead, schemaIds.dead, batchFromRows(deadSchema, rows))]
}
