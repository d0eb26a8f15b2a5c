/** Plain data, copied and frozen all the way down: what the user holds stays as it is. */
export function frozen<T>(value: T): T
export function frozen(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(inner => frozen(inner)))
  if (typeof value !== 'object' || value === null) return value
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, frozen(inner)])))
}
