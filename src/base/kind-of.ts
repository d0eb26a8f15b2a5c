/** What a value is, in words for a message: `nothing`, `the text "a"`, `an array`, `a promise`. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 80))}`
  if (value instanceof Promise) return 'a promise'
  if (typeof value === 'object') return 'an object'
  return `a ${typeof value}`
}
