/**
 * Savepoints of a running job that are under way, one after the other, since two of one name would write into one folder. They
 * have ended before its store is closed: made where the run came to its end, refused where it did not.
 */
import { StateError } from '../../base/index.js'
import { type Saved } from './savepoints.js'

export class Saves {
  private readonly underWay = new Set<Promise<Saved>>()
  private readonly over = new AbortController()
  private last: Promise<unknown> = Promise.resolve()

  /** @param make stops with the reason of the signal once that is aborted */
  async add(make: (over: AbortSignal) => Promise<Saved>): Promise<Saved> {
    const saved = this.inTurn(make)
    this.last = saved.catch(() => undefined)
    this.underWay.add(saved)
    try {
      return await saved
    } finally {
      this.underWay.delete(saved)
    }
  }

  private async inTurn(make: (over: AbortSignal) => Promise<Saved>): Promise<Saved> {
    await unlessOver(this.over.signal, this.last)
    return make(this.over.signal)
  }

  /** Settles when none is under way. */
  async settled(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay)
  }

  /** None is made any more. Can be called twice. */
  close(): Promise<void> {
    this.over.abort(
      new StateError('ANB6033', 'the job failed or ended before its savepoint was made', {
        detail: 'Nothing of it was left behind.',
        hint: 'ask again: of a job that is stopped it is made from what lies in its folder',
      }),
    )
    return this.settled()
  }
}

/** What was promised, or the reason of the signal where that comes first. */
export async function unlessOver<T>(over: AbortSignal, promise: Promise<T>): Promise<T> {
  let hear = (): void => undefined
  const ended = new Promise<never>((_, reject) => {
    hear = () => reject(over.reason)
    over.addEventListener('abort', hear, { once: true })
  })
  try {
    over.throwIfAborted()
    return await Promise.race([promise, ended])
  } finally {
    over.removeEventListener('abort', hear)
  }
}
