/**
 * Keys made on the fly: row `at` has key `at % keys`, so each pass touches every key once, and what a key has counted is known of each row.
 * With `uniform` the rows behind the first pass have keys that are drawn: the same at each run.
 * The first pass goes as fast as the job takes it; what follows is `live`, at `perSecond` where that is given. It ends after
 * `seconds`, or with the job.
 */
import { type Column, type Polled, type SourceFactory } from 'anabranch'

interface Keys {
  readonly keys: number
  readonly uniform?: boolean
  readonly perSecond: number | null
  readonly seconds: number | null
}

const rowsMax = 32_768
/** Rows of a pace come in steps of so many milliseconds. */
const stepMs = 10

export const keys: SourceFactory = ({ options, schema, batch, clock }) => {
  const { keys: count, uniform = false, perSecond, seconds }: Keys = JSON.parse(String(options))
  const forms = batch([{ k: 0n, at: 0n, live: false }]).columns
  let at = 0
  let ending = false
  let endsMs = Number.POSITIVE_INFINITY
  let nextMs = 0
  const pause = (ms: number): Promise<void> => new Promise(resolve => void clock.after(ms, resolve))

  async function poll(limit: { readonly rowsMax: number }): Promise<Polled | null> {
    const live = at >= count
    if (live && perSecond !== null) await pause(Math.max(0, nextMs - clock.nowMs()))
    if (ending || clock.nowMs() >= endsMs) return null
    nextMs = clock.nowMs() + stepMs
    const wanted = live ? (perSecond === null ? rowsMax : Math.ceil((perSecond * stepMs) / 1_000)) : count - at
    const rows = Math.min(wanted, rowsMax, limit.rowsMax)
    const [k, from] = [new BigInt64Array(rows), at]
    const numbers = new BigInt64Array(rows)
    for (let i = 0; i < rows; i += 1) {
      k[i] = BigInt(live && uniform ? drawn(from + i, count) : (from + i) % count)
      numbers[i] = BigInt(from + i)
    }
    at += rows
    const values = [k, numbers, new Uint8Array(8 * Math.ceil(rows / 64)).fill(live ? 0xff : 0)]
    const columns = forms.map((form, i): Column => ({ ...form, length: rows, values: bytesOf(values[i]) }))
    const made = { schema, rows, columns }
    return { batch: made, split: 'keys', firstPosition: from + 1, positions: null, dead: [], next: at }
  }

  return {
    bounded: false,
    replayable: true,
    async open(from = null) {
      at = Number(from ?? 0)
      if (seconds !== null) endsMs = clock.nowMs() + seconds * 1_000
    },
    poll,
    progress: () => ({ rows: at, done: at, total: null }),
    drain() {
      ending = true
    },
    async close() {
      ending = true
    },
  }
}

/** A key of `count`: a good mix of the bits of `at`. */
export function drawn(at: number, count: number): number {
  let x = Math.imul(at ^ (at >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return ((x ^ (x >>> 16)) >>> 0) % count
}

const bytesOf = (values: ArrayBufferView | undefined): Uint8Array =>
  values === undefined ? new Uint8Array() : new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
