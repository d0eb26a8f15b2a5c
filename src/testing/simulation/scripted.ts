/** Scripted sources and recording sinks: one call at a time, each answered after a while, as the engine's contract says. */
import { atFailpoint } from '../../base/index.js'
import { type Batch, batchFromRows, rowsOf } from '../../batch/index.js'
import { type Polled, type PollLimit } from '../../connectors/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { type Chance } from './chance.js'
import { sourceSchema } from './job.js'
import { type Row, type Split } from './rows.js'
import { spoilingLoan } from './spoil.js'

const schema: Schema = schemaFromJson(sourceSchema)

export class ScriptedSource {
  /** What was given: the input of the oracle. */
  readonly given: Split[] = []
  private split = 0
  private line = 0
  private drained = false

  constructor(
    private readonly splits: readonly Split[],
    private readonly chance: Chance,
  ) {}

  drain(): void {
    this.drained = true
  }

  /** Goes on at a position that it gave; null: from the beginning. What it gave behind it was never given. */
  seek(position: unknown): void {
    const [split = 0, line = 0] = Array.isArray(position) ? position.map(Number) : []
    this.split = split
    this.line = line
    this.given.splice(0, this.given.length, ...this.splits.slice(0, split))
    const partly = this.splits[split]
    if (line > 0 && partly !== undefined) this.given.push({ ...partly, lines: partly.lines.slice(0, line) })
  }

  poll(limit: PollLimit): Polled | null {
    const split = this.splits[this.split]
    if (split === undefined || this.drained) return null
    if (this.line === 0) this.given.push({ name: split.name, lines: [] })
    const most = Math.min(limit.rowsMax, this.chance.pick([1, 7, 60, 1_000]))
    const lines = split.lines.slice(this.line, this.line + most)
    this.line += lines.length
    const known = this.given.at(-1)
    if (known !== undefined) this.given[this.given.length - 1] = { ...known, lines: [...known.lines, ...lines] }
    if (this.line >= split.lines.length) {
      this.split += 1
      this.line = 0
    }
    return { ...atFailpoint('source.decode', () => polledOf(split.name, lines)), next: [this.split, this.line] }
  }
}

function polledOf(split: string, lines: Split['lines']): Polled {
  const good = lines.flatMap(l => (l.row === null ? [] : [{ position: l.position, row: l.row }]))
  const dead = lines.flatMap(l =>
    l.row === null
      ? [{ position: l.position, text: '{broken', code: 'ANB2003' as const, message: 'expected a value' }]
      : [],
  )
  const batch = batchFromRows(
    schema,
    good.map(l => l.row),
  )
  return {
    batch,
    loan: spoilingLoan(batch),
    split,
    firstPosition: lines[0]?.position ?? 1,
    positions: dead.length > 0 ? Float64Array.from(good, l => l.position) : null,
    dead,
  }
}

export class RecordingSink {
  finished = false
  batches = 0

  constructor(readonly rows: Row[]) {}

  write(batch: Batch): void {
    this.batches += 1
    for (const row of rowsOf(batch)) this.rows.push(plain(row))
  }
}

/** Rows of flat columns only: what our functions make. */
function plain(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (value === null || typeof value === 'string' || typeof value === 'number') return [name, value]
      if (typeof value === 'bigint' || typeof value === 'boolean') return [name, value]
      throw new TypeError(`expected a flat value in column ${name}`)
    }),
  )
}
