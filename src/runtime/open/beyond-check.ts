/**
 * Beyond check: reads what lies beyond memory behind the start of a job, which only looked at its bytes, with a small share of the time
 * of the one thread. State that is not what was written stops the job.
 */
import { type Clock } from '../../base/index.js'
import { type StateStore } from '../../state/stores/index.js'
import { unlessOver } from './saves.js'

/** Of the time: 17,000 entries a second on a busy machine, so 20 M take twenty minutes. */
const checkShare = 1 / 20
/** However slow it was: the machine had other things to do, and will have. */
const pauseMsMax = 250

export class BeyondCheck {
  private readonly over = new AbortController()
  private checking: Promise<unknown> = Promise.resolve()

  constructor(private readonly clock: Clock) {}

  /** @param told hears how it ended; of one that was broken off as of one that found nothing */
  begin(store: StateStore, told: (checked: Promise<void>) => void): void {
    const checked = store.checkCold(this.paced())
    this.checking = checked.catch(() => undefined)
    told(checked.catch((error: unknown) => (this.over.signal.aborted ? undefined : Promise.reject(error))))
  }

  /** Nothing is read any more. Can be called twice. */
  async close(): Promise<void> {
    this.over.abort()
    await this.checking
  }

  private paced(): () => Promise<void> {
    const { clock, over } = this
    let beganMs = clock.nowMs()
    return async () => {
      const workedMs = clock.nowMs() - beganMs
      let cancel = (): void => undefined
      const pauseMs = Math.min(pauseMsMax, workedMs / checkShare - workedMs)
      const pause = new Promise<void>(resolve => {
        cancel = clock.after(pauseMs, resolve)
      })
      await unlessOver(over.signal, pause).finally(() => cancel())
      beganMs = clock.nowMs()
    }
  }
}
