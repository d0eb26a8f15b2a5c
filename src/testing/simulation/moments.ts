/** Moments: of each row of a stage that keeps what expires, when state of its key was read and written for it. */
import { type StageVertex } from '../../plan/index.js'
import { type Due } from './rows.js'
import { type Times, type Timetable, keyText } from './timetable.js'

/** The call that a row is in, and all moments at which state of its key was read. */
export interface Moment {
  readonly times: Times
  readonly reads: readonly number[]
}

/** Where nothing expires nobody noted it. */
const timeless: Times = { readMs: 0, writtenMs: 0 }

export class Moments {
  /** How often a row of this id was. */
  private readonly answered = new Map<string, number>()
  private readonly idsOfKey = new Map<string, Set<string>>()
  private readonly readsOfKey = new Map<string, readonly number[]>()

  constructor(
    private readonly stage: StageVertex,
    rows: readonly Due[],
    private readonly timetable: Timetable,
  ) {
    for (const row of rows) {
      const key = keyText(stage.key?.columns ?? [], row)
      const ids = this.idsOfKey.get(key) ?? new Set()
      this.idsOfKey.set(key, ids.add(String(row['id'])))
    }
  }

  /** Of this row: the next one with its id. */
  of(row: Due): Moment {
    const id = String(row['id'])
    const times = this.timetable.timesOf(this.stage.number, id)[this.answered.get(id) ?? 0]
    return { times: times ?? timeless, reads: this.readsOf(keyText(this.stage.key?.columns ?? [], row)) }
  }

  /** The row was in a call that was answered, dead or alive. */
  pass(row: Due): void {
    const id = String(row['id'])
    this.answered.set(id, (this.answered.get(id) ?? 0) + 1)
  }

  /** All rows have passed: no call was about other ones. */
  check(): void {
    for (const [id, times] of this.answered) {
      const noted = this.timetable.timesOf(this.stage.number, id).length
      if (noted > 0 && noted !== times)
        throw new RangeError(
          `row ${id} was answered ${noted} times in stage ${this.stage.number}, ${times} were expected`,
        )
    }
  }

  /** Of the call about a key at the end of the input. */
  atEnd(operator: number, key: string): Moment {
    return { times: this.timetable.endOf(this.stage.number, operator, key) ?? timeless, reads: this.readsOf(key) }
  }

  private readsOf(key: string): readonly number[] {
    const known = this.readsOfKey.get(key)
    if (known !== undefined) return known
    const ids = [...(this.idsOfKey.get(key) ?? [])]
    const reads = ids.flatMap(id => this.timetable.readsOf(this.stage.number, id)).sort((a, b) => a - b)
    this.readsOfKey.set(key, reads)
    return reads
  }
}
