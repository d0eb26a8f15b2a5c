/** What all attempts of one run share. */
import { type Memory } from '../../batch/index.js'
import { type Plan, type Topology } from '../../plan/index.js'
import { type RunOptions } from '../options.js'
import { type RealWorld } from './world.js'

export interface Opened {
  readonly world: RealWorld
  readonly topology: Topology
  readonly plan: Plan
  readonly options: RunOptions & {
    /** Variables of the environment that workers get, where failpoints are armed. */
    readonly failpoints: readonly string[]
  }
  readonly run: { readonly job: string; readonly token: string }
  readonly memory: Memory
  /** Number of the next process, never given twice. */
  incarnation(): number
}
