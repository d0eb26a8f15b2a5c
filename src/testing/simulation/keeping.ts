/**
 * Keeping: how the functions of a simulated job keep lists, maps and values that expire. Drawn once a job, so that a function
 * of one name declares the same in all of it, and in any code that is swapped in.
 */
import { type Keep, type Ttl } from '../../schema/index.js'
import { type Chance } from './chance.js'

export interface Keeping {
  /** null: what is kept so stays. */
  readonly value: Ttl | null
  readonly list: Ttl | null
  readonly map: Ttl | null
  /** The column that names entries of a map, or `all`. */
  readonly entries: 'pad' | 'all'
  /** Share of keyed operators that keep such things. */
  readonly share: number
}

export const keepsForEver: Keeping = { value: null, list: null, map: null, entries: 'pad', share: 1 }

/** @param expires without, nothing does: rows then do not depend on when they came */
export function drawKeeping(chance: Chance, expires: boolean): Keeping {
  const share = chance.pick([0, 0.5, 1])
  const [value, list, map] = [drawTtl(chance), drawTtl(chance), drawTtl(chance)]
  const entries = chance.pick<Keeping['entries']>(['pad', 'all'])
  return expires ? { value, list, map, entries, share } : { ...keepsForEver, entries, share }
}

function drawTtl(chance: Chance): Ttl | null {
  const stays = chance.happens(0.3)
  const ms = chance.pick([1, 30, 300, 300, 3_000, 3_000, 1e8])
  const update = chance.pick<Ttl['update']>(['on_create_and_write', 'on_read_and_write'])
  const visibility = chance.pick<Ttl['visibility']>([
    'never_return_expired',
    'never_return_expired',
    'never_return_expired',
    'return_expired_if_not_cleaned_up',
  ])
  return stays ? null : { ms, update, visibility }
}

/** As a column of state declares it. */
export const kept = (keep: Keep, ttl: Ttl | null): { readonly keep?: Keep } =>
  ttl === null && keep.as === 'value' ? {} : { keep: { ...keep, ...(ttl !== null && { ttl }) } }
