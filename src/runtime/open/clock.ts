/**
 * The real clock.
 *
 * A ring comes only after everything that the sockets and processes had for us when it was due has been read: the
 * timer is followed by one poll of the event loop before `ring` is called. So a host whose event loop stood still for a
 * minute first reads the replies that wait and only then judges deadlines: no worker is called dead for our own delay.
 */
import { type Clock } from '../../base/index.js'

/** Longest delay that a timer of Node can take. */
const delayMsMax = 2 ** 31 - 1

export function realClock(): Clock {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    soon: ring => {
      setImmediate(ring)
    },
    after(ms, ring) {
      let soon: NodeJS.Immediate | undefined
      const timer = setTimeout(
        () => {
          // Timers run before the poll, immediates after it.
          soon = setImmediate(ring)
        },
        Math.min(Math.max(ms, 0), delayMsMax),
      )
      return () => {
        clearTimeout(timer)
        if (soon !== undefined) clearImmediate(soon)
      }
    },
  }
}
