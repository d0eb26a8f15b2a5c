/** What a stage is made with, and what it tells. */
import { type Observer } from '../../base/index.js'
import { type Memory } from '../../batch/index.js'
import { type StateClock } from '../../state/index.js'
import { type BeyondTerms } from './beyond.js'
import { type EpochGate } from './gate.js'
import { type RowOrder } from './row-order.js'

export interface StageTerms {
  readonly lanes: number
  readonly keyGroups: number
  readonly rowsMax: number
  /** Tickets that a stage without key may have open. */
  readonly window: number
  readonly transientMaxMs: number
  /** Bytes of one key's state that may travel with its rows. */
  readonly stateBytesMax: number
  /** A union by place stands below: what a keyed stage gives has to be in order. */
  readonly inOrder: boolean
  readonly order: RowOrder
  readonly memory: Memory
  readonly gate: EpochGate
  readonly observer: Observer
  /** What state expires by. */
  readonly clock: StateClock
  /** null: all state is in memory. */
  readonly beyond: BeyondTerms | null
  /** No other stage had its rows in a call. */
  readonly isFirst: boolean
}
