/** Faults of a plan, collected: a job with five mistakes is told all five. */
import { type ErrorCode, type PlanFault, catalogue } from '../base/index.js'

export interface Place {
  readonly place: string
  /** `operator "enrich"`, `source "files"`, ... */
  readonly what: string
}

export class Faults {
  readonly list: PlanFault[] = []

  /** The place has the line of the job file first, then the name of the thing. */
  add(code: ErrorCode, at: Place, message: string, hint?: string): void {
    const place = [at.place, at.what].filter(part => part !== '').join(', ')
    this.list.push({ code, message, place, hint: hint ?? catalogue[code].hint })
  }
}

/** `did you mean "price"?`, where a name is near; otherwise what there is. */
export function suggest(name: string, names: readonly string[], what: string): string {
  const near = nearest(name, names)
  if (near !== null) return `did you mean "${near}"?`
  if (names.length === 0) return `there are no ${what}`
  const shown = names.slice(0, 12).map(n => `"${n}"`)
  return `the ${what} are ${shown.join(', ')}${names.length > shown.length ? ', ...' : ''}`
}

/** The name with the fewest edits, at most a third of its length (and always one). */
export function nearest(name: string, names: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of names) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase(), least)
    if (edits < least) {
      least = edits
      best = candidate
    }
  }
  return best
}

/** Levenshtein's distance, `limit` where it is at least that. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return Math.min(limit, row[b.length] ?? limit)
}
