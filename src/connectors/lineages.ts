/**
 * Lineages: a run that begins at a savepoint counts its epochs in a lineage of its own, behind an epoch of another one. What lies
 * in an output folder has epochs of several then: of each up to the one behind which the next began.
 */

/** An epoch, and whose it is. */
export interface EpochOf {
  readonly lineage: string
  readonly epoch: number
}

/** Whose epochs something has. */
export interface Descent {
  /** The newest are of this one. */
  readonly lineage: string
  /** The oldest first, each up to this epoch. */
  readonly forebears: readonly EpochOf[]
}

/** The forebears of a lineage that goes on behind this epoch of what is there; null: that has other epochs. */
export function forebearsOf(lineage: string, at: EpochOf, there: Descent): readonly EpochOf[] | null {
  const { forebears } = there
  if (at.lineage === there.lineage) return lineage === at.lineage ? forebears : [...forebears, at]
  const place = forebears.findIndex(each => each.lineage === at.lineage && at.epoch <= each.epoch)
  if (place === -1) return null
  return lineage === there.lineage ? forebears : [...forebears.slice(0, place), at]
}

/** The oldest first. */
export const lineagesOf = ({ lineage, forebears }: Descent): readonly string[] => [
  ...forebears.map(each => each.lineage),
  lineage,
]

/** Of what is there, the lineages that may have gone on behind this epoch. */
export function lineagesBehind({ lineage }: EpochOf, there: Descent | null): readonly string[] {
  const all = there === null ? [] : lineagesOf(there)
  const place = all.indexOf(lineage)
  return place === -1 ? [lineage] : all.slice(place)
}
