/**
 * Cold sweep: looks through what lies beyond memory for what has expired, some entries at a time, round after round. What is
 * found is brought back: it goes as what expires in memory does, with a block that says so, and then its entry goes too. An
 * entry must not go by itself, since an older block may have its key.
 */
import { type ColdPage, type ColdPlace } from './cold.js'
import { ownersOfCold } from './cold-keys.js'
import { type ColdExpired } from './cold-part.js'
import { type StateForm } from './block-schema.js'
import { type Expiry, type StateClock } from './expiry.js'
import { type KeyIndex } from './key-index.js'
import { type OperatorState } from './operator-state.js'

/** State that expires. */
export interface ExpiringPart {
  readonly form: StateForm
  readonly state: Pick<OperatorState, 'operator' | 'decoded'>
  readonly expiry: Expiry
}

const entriesAtOnce = 1_024
/** Rounds begin so often within the time that something lives, and after that long at most. */
const roundsPerLife = 8
const roundMsMax = 60_000

export class ColdSweep {
  private part = 0
  private from: Uint8Array | null = null
  private nextRoundMs = 0

  constructor(
    private readonly index: KeyIndex,
    private readonly parts: readonly ExpiringPart[],
    private readonly clock: StateClock,
  ) {}

  /** What is looked at next; null: nothing now. */
  get next(): ColdPlace | null {
    const at = this.parts[this.part]
    if (at === undefined || this.clock.wallMs < this.nextRoundMs) return null
    const groups = { first: 0, last: at.form.keyGroups - 1 }
    return { operator: at.state.operator, groups, from: this.from, entriesMax: entriesAtOnce }
  }

  /** It was read. Answers what has expired: keys that are new are to be loaded, and what is not known of the others. */
  looked(page: ColdPage): ColdExpired | null {
    const at = this.parts[this.part]
    if (at === undefined) return null
    const over = page.found.flatMap(({ forms, at: of, rows }) =>
      Array.from(at.expiry.expired(at.state.decoded(forms, rows)), row => of[row] ?? 0),
    )
    this.goOn(page.next)
    const { slots, own } = ownersOfCold(this.index, at.form, page, Int32Array.from(over))
    return { operator: at.state.operator, slots, keys: own }
  }

  private goOn(next: Uint8Array | null): void {
    this.from = next
    if (next !== null) return
    this.part = (this.part + 1) % this.parts.length
    if (this.part > 0) return
    const shortestMs = Math.min(...this.parts.map(({ expiry }) => expiry.shortestMs))
    this.nextRoundMs = this.clock.wallMs + Math.min(roundMsMax, shortestMs / roundsPerLife)
  }
}
