/**
 * Files of tables, Parquet or Arrow: footers are looked at before the first row, then row groups are read by a Python process of ours,
 * up to two ahead of the reader and within a byte budget, and given in the order of file and row group.
 */
import { type Batch, byteLength, select, slice } from '../../batch/index.js'
import { ConnectorError, type Files, type Observer, shape } from '../../base/index.js'
import { type Schema } from '../../schema/index.js'
import {
  type TableFooter,
  type TableRows,
  type TableWork,
  type PollLimit,
  type Polled,
  type Source,
  type SourcePosition,
  type SourceProgress,
} from '../contract.js'
import { damaged } from '../io-error.js'
import { type Input } from './inputs.js'
import {
  type RunFiles,
  type Standing,
  filesGoingOn,
  filesOfRun,
  readPosition,
  standingFields,
  standingOf,
} from './run-files.js'
import { type TableFormat } from './table-ends.js'
import { lookAtAll, orDamaged, refuseBad } from './table-looks.js'
import { WatchedFile } from './watched-file.js'

/** Row groups that are read while an earlier one is worked on, and what they may hold together, as the footers say. */
const aheadMax = 2
const aheadBytes = 32 * 1024 * 1024

const position = shape.object({ kind: shape.oneOf('table'), ...standingFields, row: shape.whole })

interface RowGroup {
  readonly input: Input
  /** Where the file has it; of Arrow a part of a record batch that begins at its row `first`. */
  readonly index: number
  readonly first: number
  readonly rows: number
  readonly bytes: number
  /** Number of its first row in the file, counted from 1. */
  readonly firstRow: number
  /** Rows of it that an earlier run has given. */
  readonly pass: number
}
interface InFlight {
  readonly group: RowGroup
  readonly read: Promise<TableRows>
}
interface Taking extends TableRows {
  readonly group: RowGroup
  readonly standing: Standing
  /** Batch that is being cut, rows of it that were given, rows of the group that were given. */
  batch: number
  row: number
  given: number
}

export interface TableSourceOptions {
  readonly glob: string
  readonly folder: string
  readonly files: Files
  readonly observer: Observer
  readonly tables: TableWork
  readonly format: TableFormat
  readonly schema: Schema
  /** In declared order. */
  readonly columns: readonly string[]
}

export class TableSource implements Source {
  readonly bounded = true
  readonly replayable = true
  private run: RunFiles = { inputs: [], list: '', doneBytes: 0 }
  private groups: readonly RowGroup[] = []
  /** Of the file that was given from last. */
  private standing: Standing | null = null
  private next = 0
  private readonly ahead: InFlight[] = []
  private taking: Taking | null = null
  private rows = 0
  private stopped = false

  constructor(private readonly options: TableSourceOptions) {}

  async open(from: SourcePosition | null = null): Promise<void> {
    const at = from === null ? null : readPosition(from, position)
    this.run = at === null ? filesOfRun(this.options) : filesGoingOn({ ...this.options, endMatters: true }, at)
    const { inputs } = this.run
    const looks = await lookAtAll(inputs, this.options)
    refuseBad(looks, this.options.schema)
    this.groups = looks.flatMap(({ input, footer }) =>
      footer instanceof ConnectorError ? [] : rowGroups(input, footer, input.name === at?.file ? at.row : 0),
    )
  }

  async poll(limit: PollLimit): Promise<Polled | null> {
    while (!this.stopped) {
      if (this.taking !== null) {
        const polled = cut(this.taking, limit)
        if (polled !== null) {
          this.rows += polled.batch.rows
          return polled
        }
        this.checkSame(this.taking.group.input)
        this.letGo()
      }
      this.readAhead()
      const first = this.ahead[0]
      if (first === undefined) return null
      const rows = await first.read
      this.ahead.shift()
      this.readAhead()
      const { pass } = first.group
      this.taking = {
        ...rows,
        group: first.group,
        standing: this.standingAt(first.group.input),
        batch: 0,
        row: pass,
        given: pass,
      }
    }
    return null
  }

  progress(): SourceProgress {
    return { rows: this.rows, done: this.rows, total: this.groups.reduce((sum, group) => sum + group.rows, 0) }
  }

  drain(): void {
    this.stopped = true
  }

  async close(): Promise<void> {
    this.stopped = true
    this.letGo()
    this.ahead.length = 0
  }

  private standingAt(input: Input): Standing {
    if (this.standing?.file !== input.name) this.standing = standingOf(input, this.run, this.options.files)
    return this.standing
  }

  private letGo(): void {
    this.taking?.loan?.release()
    this.taking = null
  }

  private readAhead(): void {
    for (let group = this.groups[this.next]; group !== undefined; group = this.groups[this.next]) {
      const bytes = this.ahead.reduce((sum, one) => sum + one.group.bytes, group.bytes)
      if (this.ahead.length > 0 && (this.ahead.length >= aheadMax || bytes > aheadBytes)) return
      this.next += 1
      if (group.rows === group.pass) continue
      const read = this.read(group)
      read.catch(() => undefined) // Who polls sees the failure; one ahead must not end the process meanwhile.
      this.ahead.push({ group, read })
    }
  }

  private async read(group: RowGroup): Promise<TableRows> {
    this.checkSame(group.input)
    const { tables, columns, schema } = this.options
    // A record batch without columns does not say how many rows it has, so one column is read all the same.
    const asked = columns.length > 0 ? columns : schema.fields.slice(0, 1).map(field => field.name)
    const what = `has row group ${group.index} that cannot be read`
    const { index, first, rows } = group
    const request = { path: group.input.path, rowGroup: index, first, rows, columns: asked }
    const { batches, loan } = await orDamaged(group.input, what, () => tables.read(request))
    return { batches: checkRows(group, columns.length > 0 ? batches : batches.map(b => select(b, []))), loan }
  }

  private checkSame(input: Input): void {
    new WatchedFile(input, this.options.files).check()
  }
}

/**
 * The next rows of the group, as many as the limits allow and at least one; null when it is used up. A batch is cut in
 * parts of one size: a small rest would have to be joined with rows of the next group, which is a copy of both.
 */
function cut(taking: Taking, limit: PollLimit): Polled | null {
  let batch = taking.batches[taking.batch]
  while (batch !== undefined && taking.row >= batch.rows) {
    taking.batch += 1
    taking.row -= batch.rows
    batch = taking.batches[taking.batch]
  }
  if (batch === undefined) return null
  const rowBytes = Math.max(1, byteLength(batch) / batch.rows)
  const most = Math.max(1, Math.min(limit.rowsMax, Math.floor(limit.bytesMax / rowBytes)))
  const left = batch.rows - taking.row
  const rows = Math.ceil(left / Math.ceil(left / most))
  const { group, standing } = taking
  const firstPosition = group.firstRow + taking.given
  const part = slice(batch, taking.row, taking.row + rows)
  taking.row += rows
  taking.given += rows
  taking.loan?.keep()
  const { file, prefix, list } = standing
  const next = { kind: 'table', file, prefix, list, row: firstPosition - 1 + rows }
  return { batch: part, split: group.input.name, firstPosition, positions: null, dead: [], loan: taking.loan, next }
}

/** `given` rows of the file were given by an earlier run. */
function rowGroups(input: Input, footer: TableFooter, given: number): readonly RowGroup[] {
  let firstRow = 1
  return footer.rowGroups.map(({ rows, bytes, index, first }) => {
    const pass = Math.max(0, Math.min(rows, given - (firstRow - 1)))
    const group = { input, index, first, rows, bytes, firstRow, pass }
    firstRow += rows
    return group
  })
}

function checkRows(group: RowGroup, batches: readonly Batch[]): readonly Batch[] {
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0)
  if (rows === group.rows) return batches
  throw damaged(group.input.name, `has ${rows} rows in row group ${group.index}, its footer says ${group.rows}`)
}
