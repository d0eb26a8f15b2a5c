/**
 * What an output folder must show behind each life of a job, by plain lists: no manifest, no lineages' files, only which rows belong
 * to the history that a life goes on from. Where a life died in its start nobody can tell whether a sink heard of it: both are held
 * possible until a later one is through its start.
 */

/** Rows of a sink that must be shown at a point of its history, and others that may. */
export interface Due {
  readonly must: readonly number[]
  readonly may: readonly number[]
}

/** What the folder of a sink has. */
interface Holding {
  /** Points of the histories whose rows are there, the oldest first. */
  readonly points: readonly string[]
  /** They wait until the run is finished: what a finished one shows stays until then. */
  readonly before: { readonly points: readonly string[] } | null
  readonly isFinished: boolean
}

/** Where a life begins. */
export type Begins =
  | { readonly kind: 'anew' }
  /** `isRewound`: what came behind may be taken away. */
  | { readonly kind: 'at'; readonly point: string; readonly due: Due; readonly isRewound: boolean }
  /** The point knows nothing of the sink, which had these rows in the history before it, and may not have shown all of them. */
  | { readonly kind: 'joins'; readonly due: Due; readonly isRewound: boolean }

const changed = 'what a finished run shows has changed before the end'
const nothing: Holding = { points: [], before: null, isFinished: false }
const none: Due = { must: [], may: [] }

/** One sink. */
export class ShownRows {
  private holdings: readonly Holding[] = [nothing]
  private base: Due = none
  private shownBefore: readonly number[] = []
  /** Of those, what may not go before the run is finished: nobody consented to it. */
  private stays: readonly number[] = []
  /** Given to a life that died, which may have shown them and not said so yet; or to be taken back by one that went back or began anew. */
  private unsure: readonly number[] = []
  private finishing: Due | null = null
  private begun: readonly Holding[] = [nothing]
  private unbegun: readonly Holding[] = [nothing]

  /** A life is to begin; it counts as begun and as not begun until `hasBegun`. */
  begins(how: Begins, shown: readonly number[]): void {
    this.shownBefore = shown
    this.unbegun = this.holdings
    const mayGo = how.kind === 'anew' || how.isRewound
    if (mayGo) this.unsure = [...this.unsure, ...shown]
    // What a run that died while it finished was to replace goes with the next one.
    const mayStay = (row: number): boolean => this.finishing === null || this.finishing.may.includes(row)
    this.stays = mayGo ? [] : shown.filter(mayStay)
    const outcomes = this.holdings.flatMap(holding => outcomesOf(holding, how, shown))
    this.begun = outcomes.map(({ holding }) => holding)
    this.base = {
      must: outcomes.map(({ due }) => due.must).reduce((a, b) => a.filter(row => b.includes(row))),
      may: [...new Set(outcomes.flatMap(({ due }) => due.may))],
    }
    this.holdings = unique([...this.begun, ...this.holdings])
  }

  /** Its start was refused. */
  refused(): void {
    this.holdings = this.unbegun
  }

  /** Its start is through. */
  hasBegun(): Due {
    this.holdings = unique(this.begun)
    return this.base
  }

  /** An epoch was cut, which is this point of the history. */
  cut(point: string): void {
    this.holdings = this.holdings.map(each => ({ ...each, points: [...each.points.filter(p => p !== point), point] }))
  }

  /** It is to finish with these rows of its own; where it dies in that, the next one may do the rest. */
  finishes(own: readonly number[]): void {
    this.finishing = { must: [...this.base.must, ...own], may: [...this.base.may, ...own] }
    this.holdings = unique([...this.holdings, ...this.holdings.map(asFinished)])
  }

  hasFinished(): void {
    this.holdings = unique(this.holdings.map(asFinished))
  }

  /** Or what a run that died while it finished was to show. */
  private isUnchanged(shown: readonly number[]): boolean {
    if (shown.join() === this.shownBefore.join()) return true
    const { must, may } = this.finishing ?? none
    return must.length > 0 && must.every(row => shown.includes(row)) && shown.every(row => may.includes(row))
  }

  private get mayReplace(): boolean {
    return this.begun.some(({ before }) => before !== null)
  }

  /** What is wrong with what is shown after a life that died, by the rows that it was given. */
  wrongAfterDeath(
    shown: readonly number[],
    given: readonly number[],
    { exactly, finishes }: { readonly exactly: boolean; readonly finishes: boolean },
  ): readonly string[] {
    this.unsure = [...this.unsure, ...given]
    const isWaiting = this.begun.every(({ before }) => before !== null)
    if (isWaiting && !finishes && !this.isUnchanged(shown)) return [changed]
    const { base, shownBefore } = this
    const due = shownBefore.filter(row => base.must.includes(row) || (this.stays.includes(row) && !this.mayReplace))
    const wrong = due.filter(row => !shown.includes(row)).map(row => `lost ${row}`)
    if (!exactly) return wrong
    const known = [...shownBefore, ...base.may, ...given, ...(this.finishing?.may ?? [])]
    return [...wrong, ...twice(shown), ...shown.filter(row => !known.includes(row)).map(row => `from nowhere ${row}`)]
  }

  /** After one that was ended. */
  wrongAtEnd(
    shown: readonly number[],
    own: readonly number[],
    how: { exactly: boolean; isFinished: boolean },
  ): readonly string[] {
    const waits = this.holdings.filter(({ before }) => before !== null).length
    const isSame = this.isUnchanged(shown)
    this.finishing = null
    if (!how.isFinished && waits > 0 && isSame) return []
    if (!how.isFinished && waits === this.holdings.length) return [changed]
    const must = [...this.base.must, ...own, ...(how.isFinished && this.mayReplace ? [] : this.stays)]
    const wrong = must.filter(row => !shown.includes(row)).map(row => `lacks ${row}`)
    if (!how.exactly) return wrong
    const may = [...this.base.may, ...own]
    return [...wrong, ...twice(shown), ...shown.filter(row => !may.includes(row)).map(row => `not due ${row}`)]
  }
}

const asFinished = ({ points }: Holding): Holding => ({ points, before: null, isFinished: true })

const twice = (shown: readonly number[]): readonly string[] =>
  shown.filter((row, i) => shown.indexOf(row) !== i).map(row => `twice ${row}`)

interface Outcome {
  readonly holding: Holding
  readonly due: Due
}

function outcomesOf(holding: Holding, how: Begins, shown: readonly number[]): readonly Outcome[] {
  const behind = holding.isFinished && shown.length > 0 ? { points: holding.points } : holding.before
  const anew: Outcome = { holding: { points: [], before: behind, isFinished: false }, due: none }
  if (how.kind === 'anew') return [anew]
  if (how.kind === 'joins') return joining(holding, anew, how, shown)
  const goneOn = [holding, ...(holding.before === null ? [] : [holding.before])].find(({ points }) =>
    points.includes(how.point),
  )
  // Of a run that the savepoint is no part of: refused where it shows rows and is not finished.
  if (goneOn === undefined) return [anew]
  const points = goneOn.points.slice(0, goneOn.points.indexOf(how.point) + 1)
  const before = goneOn === holding ? holding.before : null
  return unfinished({ points, before, isFinished: goneOn === holding && holding.isFinished }, how.due)
}

/** One that goes on with what had finished says so with the next file. */
const unfinished = (holding: Holding, due: Due): readonly Outcome[] =>
  [...new Set([false, holding.isFinished])].map(isFinished => ({ holding: { ...holding, isFinished }, due }))

/** A sink that comes back has what it showed of that history, and beside it what it is given from now on. */
function joining(
  holding: Holding,
  anew: Outcome,
  { due: { must, may } }: Extract<Begins, { kind: 'joins' }>,
  shown: readonly number[],
): readonly Outcome[] {
  const due = { must: holding.before === null ? must.filter(row => shown.includes(row)) : [], may }
  const ofShown = holding.before === null ? [] : [{ ...holding.before, before: null, isFinished: true }]
  const stays = [holding, ...ofShown].flatMap(each => [each, { ...each, points: [] }])
  return [...stays.flatMap(each => unfinished(each, due)), ...(holding.isFinished || ofShown.length > 0 ? [anew] : [])]
}

const unique = (all: readonly Holding[]): readonly Holding[] => [
  ...new Map(all.map(each => [JSON.stringify(each), each])).values(),
]
