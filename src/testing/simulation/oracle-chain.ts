/** One row through the operators of one stage, as the oracle does it. */
import { type StageVertex } from '../../plan/index.js'
import { childrenOf, fateIn, fates, isRejected, lookedAt, moreAtFirst } from './functions.js'
import { type Moment } from './moments.js'
import { type KeptOracle, type Things, nothingKept } from './oracle-kept.js'
import { type Due } from './rows.js'
import { type Version } from './versions.js'

export type State = Record<string, Due[string]>

export interface Death {
  readonly operator: number
  readonly code: 'ANB2001' | 'ANB2002' | 'ANB2008'
  /** It fails the call that it is in. */
  readonly costly: boolean
  readonly slow: boolean
}

export class ChainRun {
  rows: readonly Due[] = []
  readonly sides = new Map<number, readonly Due[]>()
  /** State that it leaves, by operator; null: deleted. */
  readonly states = new Map<number, { readonly state: State; readonly things: Things } | null>()

  constructor(
    private readonly stage: StageVertex,
    private readonly known: {
      /** Of an operator in `fate`, by its id. */
      readonly numbers: ReadonlyMap<string, number>
      versionOf(id: string): Version
      stateOf(operator: number): State
      thingsOf(operator: number): Things
      readonly kept: KeptOracle
      readonly moment: Moment
    },
  ) {}

  go(row: Due): Death | null {
    this.rows = [row]
    for (const [operator, { id, fn }] of this.stage.operators.entries()) {
      const version = this.known.versionOf(id)
      const number = this.known.numbers.get(id) ?? -1
      const evil = this.rows
        .map(r => evilOf(fn.name, version, r) ?? fateIn(r['fate'], number))
        .find(f => f !== fates.fine)
      if (evil !== undefined) return deathOf(evil, operator)
      if (fn.name === 'aside')
        this.sides.set(
          operator,
          this.rows
            .filter(r => isOdd(r, version))
            .map(({ id: i, k, g, fate }) => ({ id: i ?? null, k: k ?? null, g: g ?? null, fate: fate ?? null })),
        )
      this.rows = fn.keyed
        ? this.rows.flatMap(r => this.keyed({ name: fn.name, version }, operator, r))
        : this.rows.flatMap(r => stateless(fn.name, version, r))
    }
    return null
  }

  private keyed(
    { name, version }: { readonly name: string; readonly version: Version },
    operator: number,
    row: Due,
  ): readonly Due[] {
    const { number, keepsMore } = version
    const left = this.states.get(operator)
    const { kept, moment } = this.known
    const state = left === undefined ? this.known.stateOf(operator) : (left?.state ?? {})
    const things = left === undefined ? this.known.thingsOf(operator) : (left?.things ?? nothingKept)
    const leave = (now: State, then = things): void => void this.states.set(operator, { state: now, things: then })
    switch (name) {
      case 'tally': {
        const nth = BigInt(Number(state['n'] ?? 0) + 1)
        const total = Number(state['sum'] ?? 0) + Number(row['v'] ?? 0) + number
        const last = `${Number(row['g'])}${'-'.repeat(Number(row['g']))}${markOf(version)}`
        const more = Number(state['more'] ?? moreAtFirst) + 1
        leave({ n: nth, sum: total, last, ...(keepsMore && { more }) })
        const mark = state['last'] ?? null
        return [{ ...row, nth, total, before: keepsMore ? `${String(mark)}+${more}` : mark }]
      }
      case 'fresh': {
        const seen = Number(state['seen'] ?? 0)
        const bit = 2 ** ((Number(row['g']) + number) % 12)
        const n = Number(state['n'] ?? 0) + 1
        const known = Math.floor(seen / bit) % 2 === 1
        if (n >= 9) this.states.set(operator, null)
        else leave({ seen: known ? seen : seen + bit, n })
        return known ? [] : [row]
      }
      case 'notes': {
        const { out, things: then } = kept.notes(row, things, { moment, mark: markOf(version) })
        if (then === null) this.states.set(operator, null)
        else leave({ n: BigInt(Number(state['n'] ?? 0) + 1) }, then)
        return [{ ...row, ...out }]
      }
      case 'ledger': {
        const { out, things: then } = kept.ledger(row, things, { moment, version: number })
        if (then === null) this.states.set(operator, null)
        else leave({}, then)
        return [{ ...row, ...out }]
      }
      default: {
        const waiting = state['waiting'] ?? null
        const own = BigInt(Number(row['id']) + number * 1e9)
        leave({ waiting: waiting === null ? own : null })
        return waiting === null ? [] : [{ ...row, partner: waiting }]
      }
    }
  }
}

const isOdd = (row: Due, { number }: Version): boolean => (Number(row['g']) + number) % 2 === 1

/** What a version adds to a text. */
export const markOf = ({ number }: Version): string => (number > 0 ? `~${number}` : '')

/** What a bug does to a row; null: nothing. */
function evilOf(name: string, { bug }: Version, row: Due): number | null {
  if (bug === 'raises') return fates.raise
  if (bug === 'crashes') return fates.crash
  return bug === 'rejects some' && isRejected(row[lookedAt(name)]) ? fates.reject : null
}

function deathOf(fate: number, operator: number): Death {
  if (fate === fates.reject) return { operator, code: 'ANB2002', costly: false, slow: false }
  if (fate === fates.rowError) return { operator, code: 'ANB2001', costly: false, slow: false }
  if (fate === fates.raise) return { operator, code: 'ANB2001', costly: true, slow: false }
  return { operator, code: 'ANB2008', costly: true, slow: fate === fates.hang || fate === fates.killed }
}

function stateless(name: string, version: Version, row: Due): readonly Due[] {
  const g = Number(row['g'])
  const { number } = version
  switch (name) {
    case 'scale':
      return [{ ...row, w: typeof row['v'] === 'number' ? 2 * row['v'] + 1 + number : null }]
    case 'label': {
      const text = row['k'] === null ? null : `${String(row['k'])}/${g}${markOf(version)}`
      return [{ ...row, text, long: text === null ? null : text.length > 6 }]
    }
    case 'keep':
      return (g + number) % 3 === 0 ? [] : [row]
    case 'spread':
      return Array.from({ length: childrenOf(g) }, (_, child) => ({ ...row, child: child + 1_000 * number }))
    default:
      return [{ ...row, odd: isOdd(row, version) }]
  }
}
