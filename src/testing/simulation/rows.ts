/** The input of a simulated job: rows in splits, drawn from a seed, with the poison that its operators will find. */
import { type Chance } from './chance.js'
import { type Fate, badAtEnd, burst, fateOf, fates } from './functions.js'
import { type Job } from './job.js'

/** A row as people write it; what a transform adds stands beside. */
export type Row = Readonly<Record<string, string | number | bigint | boolean | null>>

/** A row as it is due. A cell that may be several things is a pattern of their texts. */
export type Due = Readonly<Record<string, Row[string] | RegExp>>

export interface Split {
  readonly name: string
  /** Rows with their positions, ascending; a position without a row is a line that did not parse. */
  readonly lines: readonly { readonly position: number; readonly row: Row | null }[]
}

/** How evil the rows are; each kind stays below what stops a job. */
export interface Poison {
  readonly kinds: readonly Fate[]
  readonly share: number
  readonly nullKeys: number
  readonly unparsable: number
  readonly atEnd: boolean
  /** Share of rows of which `spread` makes more than a queue holds. */
  readonly bursts: number
}

export const noPoison: Poison = { kinds: [], share: 0, nullKeys: 0, unparsable: 0, atEnd: false, bursts: 0 }

/** Poison of the kinds that cost a process or a call; more of them would only make the seeds slow. */
const costlyMax = 6

export function drawPoison(chance: Chance): Poison {
  const all: readonly Fate[] = [
    fates.raise,
    fates.crash,
    fates.hang,
    fates.reject,
    fates.rowError,
    fates.exit,
    fates.killed,
  ]
  return {
    kinds: all.filter(() => chance.happens(0.3)),
    share: chance.pick([0, 0.005, 0.02, 0.1]),
    nullKeys: chance.pick([0, 0, 0.05]),
    unparsable: chance.pick([0, 0, 0.03]),
    atEnd: chance.happens(0.1),
    bursts: 0,
  }
}

/** The splits of one source. */
export function drawSplits(
  chance: Chance,
  of: { source: number; rows: number; job: Job; poison: Poison },
): readonly Split[] {
  const splits = chance.pick([1, 1, 2, 4])
  const keys = chance.pick([1, 3, 20, 200])
  let costly = 0
  return Array.from({ length: splits }, (_, s) => ({
    name: `source-${of.source}/part-${s}.jsonl`,
    lines: Array.from({ length: Math.ceil(of.rows / splits) }, (_, i) => {
      const position = i + 1
      if (chance.happens(of.poison.unparsable)) return { position, row: null }
      const fate = drawFate(chance, of, costly)
      if (isCostly(fate & 15)) costly += 1
      return {
        position,
        row: drawRow(chance, { id: (of.source * 10 + s) * 1_000_000 + position, keys, fate, poison: of.poison }),
      }
    }),
  }))
}

const isCostly = (fate: number): boolean => fate !== fates.fine && fate !== fates.reject && fate !== fates.rowError

function drawFate(chance: Chance, of: { readonly job: Job; readonly poison: Poison }, costly: number): number {
  const { kinds, share } = of.poison
  const [first, ...rest] = kinds
  if (first === undefined || !chance.happens(share)) return 0
  const kind = chance.pick([first, ...rest])
  const operator = chance.below(of.job.operators.size)
  return isCostly(kind) && costly >= costlyMax ? 0 : fateOf(operator, kind)
}

function drawRow(chance: Chance, of: { id: number; keys: number; fate: number; poison: Poison }): Row {
  const { poison } = of
  const key = poison.atEnd && chance.happens(0.01) ? badAtEnd : `key ${chance.zipf(of.keys + 1)}`
  return {
    id: BigInt(of.id),
    k: chance.happens(poison.nullKeys) ? null : key,
    g: poison.bursts > 0 && chance.happens(poison.bursts) ? burst : chance.below(12),
    v: chance.happens(0.05) ? null : chance.between(-1_000, 1_000) / 4,
    fate: of.fate,
    pad: chance.happens(0.1) ? null : 'ü'.repeat(chance.below(5)),
  }
}
