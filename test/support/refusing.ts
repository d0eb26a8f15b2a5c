/** A place whose databases refuse writes when they are told to, as a disk does that is full or has an error. */
import { type KeyValue, type StorePlace } from '../../src/state/stores/index.js'

export interface Refusing {
  /** Writes that are refused from now on, of the epochs and beyond memory. */
  refuse(epochs: number, beyond: number): void
}

export function refusing(place: StorePlace): Refusing {
  const left = { epochs: 0, beyond: 0 }
  const watched = (kv: KeyValue, of: keyof typeof left): KeyValue => {
    const write = kv.write.bind(kv)
    kv.write = (...entries) => {
      left[of] -= 1
      return left[of] >= 0 ? Promise.reject(new Error('IO error: No space left on device')) : write(...entries)
    }
    return kv
  }
  const [open, openCold] = [place.open.bind(place), place.openCold.bind(place)]
  place.open = async () => watched(await open(), 'epochs')
  place.openCold = async create => {
    const kv = await openCold(create)
    return kv === null ? null : watched(kv, 'beyond')
  }
  return { refuse: (epochs, beyond) => Object.assign(left, { epochs, beyond }) }
}
