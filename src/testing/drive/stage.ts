/** One stage as a worker with stand-ins knows it: the frame of a call in, the frame of its answer out. */
import { batchFromRows, readIpc, rowsOf } from '../../batch/index.js'
import { type OpenStage, deadSchema, schemaIds } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { Message, Table, type TablePart, jsonPart } from '../../transport/index.js'
import { arrow } from '../simulation/arrow-part.js'
import {
  type CallRead,
  batchOfCells,
  failedFrame,
  given,
  integers,
  parentPart,
  replyFrame,
} from '../simulation/call.js'
import { CallFailed, type Produced, type SideEntry, type States, type Step, runKeys, runRows } from './chain.js'
import { type Called } from './stand-in.js'
import { StateTables } from './state-tables.js'

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
      this.steps.flatMap((step, i) => (step.operator.keyed ? [[i, this.tablesOf(i).read(read.tables)] as const] : [])),
    )
    const before = new Map([...states].map(([operator, keys]) => [operator, [...keys]]))
    const produced = runRows(this.steps, {
      rows,
      keys: index === undefined ? null : integers(index.bytes),
      states,
      call,
    })
    return [
      ...this.mainParts(rows.length, produced),
      ...this.sideParts(produced.sides, true),
      ...[...states].flatMap(([operator, keys]) => this.tablesOf(operator).parts(before.get(operator) ?? [], keys)),
      ...deadParts(produced),
    ]
  }

  private end(read: CallRead, call: Called): readonly TablePart[] {
    const { operator } = given(read.tables, Table.state)
    const step = this.steps[operator]
    if (step === undefined) throw new RangeError(`operator ${operator} is in the stage`)
    const keys = rowsOf(readIpc(this.keys, given(read.tables, Table.keys).bytes))
    return this.sideParts(
      runKeys(step, operator, { keys, states: this.tablesOf(operator).read(read.tables), call }),
      false,
    )
  }

  private tablesOf(operator: number): StateTables {
    return new StateTables(operator, this.steps[operator]?.state ?? { fields: [] })
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
}

function deadParts({ dead }: Produced): readonly TablePart[] {
  if (dead.length === 0) return []
  const rows = dead.map(one => ({ ...one }))
  return [arrow(Table.dead, schemaIds.dead, batchFromRows(deadSchema, rows))]
}
