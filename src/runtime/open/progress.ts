/** Tells whoever runs a job how far it is, a few times a second. */
import { type Source } from '../../connectors/index.js'
import { type Engine } from '../flow/index.js'
import { type Opened } from './opened.js'
import { type Running } from './running.js'

const progressMs = 250

export function reportProgress(
  opened: Opened,
  of: { readonly sources: readonly Source[]; readonly engine: Engine; readonly running: Running },
): () => void {
  const { world, options } = opened
  let cancel = (): void => undefined
  const report = (): void => {
    const each = of.sources.map(s => s.progress())
    const known = each.every(p => p.total !== null)
    const share = each.map(p => (p.total === null || p.total === 0 ? 1 : p.done / p.total))
    const { rowsIn } = of.engine.ledger
    const { seconds } = of.running
    options.onProgress({
      rowsIn,
      rowsOut: of.engine.sinkRows.reduce((a, b) => a + b, 0),
      rowsDead: of.engine.ledger.rowsDead,
      done: known ? share.reduce((a, b) => a + b, 0) / Math.max(1, share.length) : null,
      seconds,
      rowsPerSecond: known
        ? (rowsIn - of.running.rowsBefore) / Math.max(seconds, 0.001)
        : of.engine.report(world.clock.nowMs()).rowsInPerSecond.lastMinute,
      workers: of.engine.activeWorkers,
    })
    cancel = world.clock.after(progressMs, report)
  }
  cancel = world.clock.after(progressMs, report)
  return () => cancel()
}
