/** Pool load: how busy the workers were, for a pool whose size follows it. */
import { type Pool } from '../../workers/index.js'
import { PoolSize } from '../pace/index.js'

export class PoolLoad {
  /** After the last event work waited that no worker could take. */
  starved = false
  private readonly size = new PoolSize()

  constructor(private readonly pool: Pool) {}

  /** What was so since the last event, for so long. */
  passed(ms: number): void {
    const { pool, starved } = this
    if (!pool.byLoad || ms === 0) return
    const change = this.size.observe({ ms, busy: pool.busyCount, active: pool.activeCount, starved })
    // Who was asked for last has to show first whether it is enough.
    if (change < 0 || pool.readyCount >= pool.wanted) pool.want(pool.wanted + change)
  }
}
