/** What came out of a driven job, with stand-ins or with Python. */
import { type ArrowTable, type Batch, type ToArrowTable, jsonRowsOf } from '../../batch/index.js'
import { type DeadLetter } from '../../runtime/index.js'
import { type Schema } from '../../schema/index.js'
import { quoted } from './answer.js'
import { tableText } from './table-text.js'

/** What one sink was given. */
export interface Collected {
  readonly schema: Schema
  readonly batches: readonly Batch[]
}

/** A dead letter as a test sees it: as in `dead-letters/`, without the capture. */
export type Letter = Omit<DeadLetter, 'capture' | 'codeDigest'>

export interface Counts {
  readonly rowsIn: number
  readonly rowsOut: number
  readonly rowsDead: number
}

export class Outcome {
  constructor(
    private readonly of: {
      readonly collected: () => ReadonlyMap<string, Collected>
      readonly letters: () => readonly Letter[]
      readonly counts: () => Counts
      readonly counters: () => Readonly<Record<string, number>>
      readonly toArrow: ToArrowTable
    },
  ) {}

  /** The rows that this sink was given so far, as a table of apache-arrow. Sinks are named by their id. */
  output(sink: string): ArrowTable {
    const { schema, batches } = this.collected(sink)
    return this.of.toArrow(schema, batches)
  }

  /** The same rows as text in columns, names first, numbers to the right: for a test that reads as a table. */
  text(sink: string): string {
    const { schema, batches } = this.collected(sink)
    return tableText(schema, batches.flatMap(jsonRowsOf))
  }

  /** Rows that were refused, in the order in which they died. */
  get deadLetters(): readonly Letter[] {
    return this.of.letters()
  }

  get counts(): Counts {
    return this.of.counts()
  }

  /** What the engine counted: `worker.lost`, `reply.stale`, ... */
  get counters(): Readonly<Record<string, number>> {
    return this.of.counters()
  }

  private collected(sink: string): Collected {
    const all = this.of.collected()
    const found = all.get(sink)
    if (found === undefined) throw new TypeError(`the job has no sink "${sink}"; it has ${quoted([...all.keys()])}`)
    return found
  }
}
