/**
 * The stand-in of the Python side: the functions of `functions.ts` over one call, as the chain in a worker runs them.
 * A row that is rejected anywhere in the chain leaves nothing behind: the chain runs again without it.
 */
import { type Value } from '../../batch/index.js'
import { type OpenOperator } from '../../plan/index.js'
import { badAtEnd, childrenOf, fateIn, fates, isRejected, lookedAt } from './functions.js'
import { type KeyState, runLedger, runNotes, totalsOf } from './stand-in-kept.js'
import { type Version, firstVersion } from './versions.js'

type Cells = Record<string, Value>
/** One row on its way through the chain; `parent` is the row of the call that it comes from. */
interface Entry {
  readonly parent: number
  readonly cells: Cells
}
export interface Grouped {
  readonly index: Int32Array
  readonly order: Int32Array
  readonly starts: Int32Array
}
export interface DeadCell {
  readonly row: number
  readonly operator: number
  readonly code: 'ANB2001' | 'ANB2002'
  readonly message: string
}
export interface Produced {
  readonly kind: 'done'
  readonly main: readonly Entry[]
  /** By operator; each side output of ours is the first of its operator. */
  readonly sides: ReadonlyMap<number, readonly Entry[]>
  readonly state: ReadonlyMap<number, readonly KeyState[]>
  readonly dead: readonly DeadCell[]
}
export type Outcome =
  | Produced
  | { readonly kind: 'raised'; readonly operator: number; readonly message: string }
  | { readonly kind: 'died'; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: 'hung' }

export interface ChainCall {
  readonly operators: readonly OpenOperator[]
  /** Number of each operator in `fate`. */
  readonly numbers: readonly number[]
  /** Of each operator. */
  readonly versions: readonly Version[]
  readonly rows: readonly Cells[]
  readonly grouped: Grouped | null
  /** State as it came, by operator. */
  state(operator: number): KeyState[]
}

/** An evil row ends the run of the chain. */
class Evil {
  constructor(readonly outcome: Exclude<Outcome, Produced>) {}
}

export function runChain(call: ChainCall): Outcome {
  const dead: DeadCell[] = []
  try {
    for (;;) {
      const run = runOnce(call, new Set(dead.map(d => d.row)))
      if (run.dead.length === 0) return { ...run, dead }
      dead.push(...certain(run.dead, call.grouped))
    }
  } catch (error) {
    if (error instanceof Evil) return error.outcome
    throw error
  }
}

/** Of one key only the first dead row is sure to be dead: those after it may have seen state that it left. */
function certain(dead: readonly DeadCell[], grouped: Grouped | null): readonly DeadCell[] {
  if (grouped === null) return dead
  const first = new Map<number, DeadCell>()
  for (const cell of dead) {
    const key = grouped.index[cell.row] ?? -1
    if (cell.row < (first.get(key)?.row ?? Number.POSITIVE_INFINITY)) first.set(key, cell)
  }
  return [...first.values()]
}

function runOnce(call: ChainCall, without: ReadonlySet<number>): Produced {
  let entries: Entry[] = call.rows.flatMap((cells, parent) => (without.has(parent) ? [] : [{ parent, cells }]))
  const sides = new Map<number, readonly Entry[]>()
  const state = new Map<number, KeyState[]>()
  const dead = new Map<number, DeadCell>()
  for (const [i, operator] of call.operators.entries()) {
    const version = call.versions[i] ?? firstVersion
    const number = call.numbers[i] ?? -1
    for (const cell of evilOf(entries, i, { name: operator.function, number, version })) dead.set(cell.row, cell)
    entries = entries.filter(e => !dead.has(e.parent))
    if (operator.keyed) {
      const keys = call.state(i)
      state.set(i, keys)
      entries = runKeyed({ name: operator.function, version }, entries, keys, call)
    } else {
      if (operator.function === 'aside')
        sides.set(
          i,
          entries.filter(e => (Number(e.cells['g']) + version.number) % 2 === 1),
        )
      entries = entries.flatMap(e => runStateless(operator.function, version, e))
    }
  }
  return { kind: 'done', main: entries, sides, state, dead: [...dead.values()] }
}

/** Rows that this operator gives up; throws where one of them ends the call. */
function evilOf(
  entries: readonly Entry[],
  operator: number,
  { name, number, version }: { readonly name: string; readonly number: number; readonly version: Version },
): readonly DeadCell[] {
  const dead = new Map<number, DeadCell>()
  for (const { cells, parent } of entries) {
    if (version.bug === 'raises') throw new Evil({ kind: 'raised', operator, message: 'a bug' })
    if (version.bug === 'crashes') throw new Evil({ kind: 'died', code: null, signal: 'SIGSEGV' })
    if (version.bug === 'rejects some' && isRejected(cells[lookedAt(name)])) {
      dead.set(parent, { row: parent, operator, code: 'ANB2002', message: 'a bug' })
      continue
    }
    const message = `row of fate ${String(cells['fate'])}`
    switch (fateIn(cells['fate'], number)) {
      case fates.raise:
        throw new Evil({ kind: 'raised', operator, message })
      case fates.crash:
        throw new Evil({ kind: 'died', code: null, signal: 'SIGSEGV' })
      case fates.killed:
        throw new Evil({ kind: 'died', code: null, signal: 'SIGKILL' })
      case fates.exit:
        throw new Evil({ kind: 'died', code: 0, signal: null })
      case fates.hang:
        throw new Evil({ kind: 'hung' })
      case fates.reject:
        dead.set(parent, { row: parent, operator, code: 'ANB2002', message })
        break
      case fates.rowError:
        dead.set(parent, { row: parent, operator, code: 'ANB2001', message })
    }
  }
  return [...dead.values()]
}

/** What a version adds to a text. */
const mark = ({ number }: Version): string => (number === 0 ? '' : `~${number}`)

function runStateless(name: string, version: Version, { parent, cells }: Entry): Entry[] {
  const { number } = version
  const { k, g, v } = cells
  switch (name) {
    case 'scale':
      return [{ parent, cells: { ...cells, w: typeof v === 'number' ? v * 2 + 1 + number : null } }]
    case 'label': {
      const text = typeof k === 'string' ? `${k}/${String(g)}${mark(version)}` : null
      return [{ parent, cells: { ...cells, text, long: text === null ? null : text.length > 6 } }]
    }
    case 'keep':
      return (Number(g) + number) % 3 === 0 ? [] : [{ parent, cells }]
    case 'spread':
      return Array.from({ length: childrenOf(Number(g)) }, (_, child) => ({
        parent,
        cells: { ...cells, child: child + 1_000 * number },
      }))
    default:
      return [{ parent, cells: { ...cells, odd: (Number(g) + number) % 2 === 1 } }]
  }
}

/** Keyed functions go through the groups as Python does: rows of one key together, in their order. */
function runKeyed(
  of: { readonly name: string; readonly version: Version },
  entries: readonly Entry[],
  keys: readonly KeyState[],
  call: ChainCall,
): Entry[] {
  const { grouped } = call
  if (grouped === null) throw new RangeError('a keyed call has a grouping')
  const byParent: Entry[][] = call.rows.map(() => [])
  for (const entry of entries) byParent[entry.parent]?.push(entry)
  const out: Entry[][] = call.rows.map(() => [])
  keys.forEach((key, j) => {
    for (let at = grouped.starts[j] ?? 0; at < (grouped.starts[j + 1] ?? 0); at += 1) {
      const row = grouped.order[at] ?? 0
      if (grouped.index[row] !== j) throw new RangeError('index, order and starts say the same')
      for (const entry of byParent[row] ?? []) out[row]?.push(...runOnKey(of, entry, key))
    }
  })
  return out.flat()
}

function runOnKey(
  { name, version }: { readonly name: string; readonly version: Version },
  entry: Entry,
  key: KeyState,
): Entry[] {
  const { parent, cells } = entry
  const state = key.cells
  key.touched = true
  key.cleared = false
  switch (name) {
    case 'tally': {
      const before = beforeOf(state, version)
      const nth = BigInt(String(state['n'])) + 1n
      state['n'] = nth
      state['sum'] = Number(state['sum'] ?? 0) + Number(cells['v'] ?? 0) + version.number
      state['last'] = `${String(cells['g'])}${'-'.repeat(Number(cells['g']))}${mark(version)}`
      return [{ parent, cells: { ...cells, nth, total: state['sum'], before } }]
    }
    case 'fresh': {
      const seen = typeof state['seen'] === 'bigint' ? state['seen'] : 0n
      const bit = 1n << BigInt((Number(cells['g']) + version.number) % 12)
      state['seen'] = seen | bit
      state['n'] = Number(state['n'] ?? 0) + 1
      if (state['n'] >= 9) {
        key.cleared = true
        state['seen'] = null
        state['n'] = null
      }
      return (seen & bit) === 0n ? [{ parent, cells }] : []
    }
    case 'notes':
      return [{ parent, cells: { ...cells, ...runNotes(cells, key, mark(version)) } }]
    case 'ledger':
      return [{ parent, cells: { ...cells, ...runLedger(cells, key, version.number) } }]
    default: {
      const waiting = state['waiting'] ?? null
      state['waiting'] = waiting === null ? BigInt(String(cells['id'])) + 10n ** 9n * BigInt(version.number) : null
      return waiting === null ? [] : [{ parent, cells: { ...cells, partner: waiting } }]
    }
  }
}

/** The mark of the row before, and where a version keeps it how many rows such a version saw. */
function beforeOf(state: Cells, { keepsMore }: Version): Value {
  const last = state['last'] ?? null
  if (!keepsMore) return last
  state['more'] = BigInt(String(state['more'])) + 1n
  return `${String(last)}+${String(state['more'])}`
}

/** `at_end`: one summary row a key. */
export function runAtEnd(
  { name, version }: { readonly name: string; readonly version: Version },
  keys: readonly Cells[],
  states: readonly KeyState[],
): readonly Cells[] | { readonly raised: string } {
  if (keys.some(k => k['k'] === badAtEnd)) return { raised: 'key that raises at the end' }
  return states.map((state, i) => {
    const k = keys[i]?.['k'] ?? null
    const { n = null, sum = null, last } = name === 'tally' ? state.cells : totalsOf(name, state)
    return { k, n, sum, last: typeof last === 'string' ? `${last}${mark(version)}` : null }
  })
}
