/**
 * Stop: STOP, the calls that are out, BYE, exit; SIGKILL to the process and everything that it started once the grace
 * is over. No SIGTERM between: user code may have taken it (W20), and STOP already said it.
 */
import { type Clock } from '../../base/index.js'

export interface Stoppable {
  /** Sends STOP, or kills where nothing has begun. */
  askToStop(): void
  kill(): void
  /** Resolves when the process is reaped. */
  readonly ended: Promise<void>
}

export async function stopGracefully(worker: Stoppable, graceMs: number, clock: Clock): Promise<void> {
  worker.askToStop()
  const cancel = clock.after(graceMs, () => worker.kill())
  await worker.ended
  cancel()
}
