/** Faults of a plan, collected: a job with five mistakes is told all five. */
import { type ErrorCode, type PlanFault, catalogue, nearest } from '../base/index.js'

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
