/** What an engine is told once, when it is made. */
import { type Memory } from '../../batch/index.js'
import { type PoolTerms } from '../../workers/index.js'
import { type EpochEffects, type EpochTerms } from '../epoch/index.js'
import { type BeyondTerms } from './beyond.js'
import { type CaptureTerms } from './capture.js'
import { type EpochCut } from './cutting.js'
import { type GraphTerms } from './graph.js'
import { type Swap } from './swapping.js'

export interface EngineTerms extends Pick<GraphTerms, 'wallMinusNowMs'> {
  readonly lanes: number
  readonly keyGroups: number
  /** `--batch-rows`; rows of one call at most. */
  readonly rowsMax: number
  readonly pool: PoolTerms
  readonly transientMaxMs: number
  readonly stateBytesMax: number
  /** Dead rows of the whole job before it stops; null: the default rule of `DeadLimit`. */
  readonly maxDead: number | null
  readonly captures: CaptureTerms
  /** Index of each source that has an end. */
  readonly bounded: ReadonlySet<number>
  /** Code that is on trial from the first row on: the second of this engine, whose first is that of the last epoch. */
  readonly trial?: Swap | null
  /** Where rows are copied to. */
  readonly memory: Memory
  /** null: nothing is durable, and sinks write through. */
  readonly epochs: EpochParts | null
}

export interface EpochParts {
  readonly terms: EpochTerms
  readonly effects: EpochEffects<EpochCut>
  /** null: all state is in memory. */
  readonly beyond: BeyondTerms | null
}
