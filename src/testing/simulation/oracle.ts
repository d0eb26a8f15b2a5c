/**
 * The oracle: what must come out of a job, row by row, from the rows that its sources gave. It knows nothing of
 * batches, lanes, workers, frames or columns, and shares no code with the engine or the stand-in.
 *
 * A row that dies anywhere in a stage leaves nothing behind in that stage: no output, no side output, no state.
 */
import { type StageVertex, type Topology, type VertexInput } from '../../plan/index.js'
import { type Eras } from './eras.js'
import { badAtEnd, childrenOf, fateIn, fates, isRejected, lookedAt, moreAtFirst } from './functions.js'
import { type Job } from './job.js'
import { type Place, Places, byPlace } from './places.js'
import { type Row, type Split } from './rows.js'
import { type Version } from './versions.js'

interface Item {
  readonly row: Row
  readonly source: string
  /** null: no row of a source stands behind it. */
  readonly position: number | null
  readonly place: Place
  readonly era: number
}

export interface Expected {
  /** By the id of the sink, in an order that is right where order is promised. */
  readonly sinks: ReadonlyMap<string, readonly Row[]>
  /** Dead letters as `letterText` writes them, sorted. */
  readonly letters: readonly string[]
  readonly rowsIn: number
  readonly rowsDead: number
  /** Calls that bad rows may cost beyond one a batch of `batch` rows. */
  extraCalls(batch: number): number
}

/** A dead letter as one line: who, from where, why, which row. */
export function letterText(of: {
  operator: string
  source: string
  position: number | null
  code: string
  id: unknown
}): string {
  return [of.operator, of.source, of.position ?? '-', of.code, String(of.id)].join(' ')
}

type State = Record<string, Row[string]>

/** State of a key, as code of an era left it. */
interface Kept {
  readonly key: Row
  readonly state: State
  readonly era: number
}

class Oracle {
  readonly letters: string[] = []
  readonly dead = new Set<string>()
  readonly sinks = new Map<string, readonly Row[]>()
  /** Rows whose calls fail, and those of them that hang or are killed. */
  readonly costly = { all: 0, slow: 0 }
  private readonly outputs = new Map<string, readonly Item[]>()
  private readonly places: Places

  constructor(
    private readonly job: Job,
    private readonly sources: readonly (readonly Split[])[],
    private readonly eras: Eras,
  ) {
    this.places = new Places(job.topology)
  }

  run(topology: Topology): void {
    let source = 0
    topology.vertices.forEach((vertex, i) => {
      switch (vertex.kind) {
        case 'source':
          this.outputs.set(nameOf({ vertex: i, side: null }), this.read(i, vertex.id, source++))
          break
        case 'stage':
          this.stage(i, vertex)
          break
        case 'select': {
          const items = this.input(vertex.inputs[0])
          this.outputs.set(
            nameOf({ vertex: i, side: null }),
            items.map(it => ({ ...it, row: renamed(it.row, vertex.columns) })),
          )
          break
        }
        case 'union': {
          const columns = vertex.schema.fields.map(({ name }) => ({ from: name, to: name }))
          const items = vertex.inputs.flatMap(n => this.input(n)).toSorted(byPlace)
          this.outputs.set(
            nameOf({ vertex: i, side: null }),
            items.map(it => ({ ...it, row: renamed(it.row, columns) })),
          )
          break
        }
        default:
          this.sinks.set(
            vertex.id,
            this.input(vertex.inputs[0]).map(it => it.row),
          )
      }
    })
  }

  private input(input: VertexInput): readonly Item[] {
    return this.outputs.get(nameOf(input)) ?? []
  }

  private read(vertex: number, id: string, source: number): readonly Item[] {
    return (this.sources[source] ?? []).flatMap((split, number) =>
      split.lines.flatMap(({ position, row }, line) => {
        const place = this.places.ofRow(vertex, number, position)
        const era = this.eras.ofRow(source, number, line)
        const item = { row: row ?? {}, source: split.name, position, place, era }
        if (row !== null) return [item]
        this.bury(id, item, 'ANB2003')
        return []
      }),
    )
  }

  private bury(operator: string, item: Item, code: string): void {
    const { source, position, row } = item
    this.letters.push(letterText({ operator, source, position, code, id: row['id'] ?? row['k'] ?? '' }))
    if (position !== null) this.dead.add(`${source} ${position}`)
  }

  private stage(index: number, stage: StageVertex): void {
    const main: Item[] = []
    const sides = stage.operators.map((): Item[] => [])
    const states = stage.operators.map(() => new Map<string, Kept>())
    for (const item of this.input(stage.inputs[0])) {
      const key = stage.key?.columns.map(c => [c, item.row[c] ?? null] as const) ?? []
      if (key.some(([, value]) => value === null) && stage.key?.nullKeys !== 'group') {
        if (stage.key?.nullKeys !== 'drop') this.bury(stage.operators[0]?.id ?? '', item, 'ANB2006')
        continue
      }
      const text = JSON.stringify(key)
      const run = new ChainRun(stage, {
        numbers: this.job.operators,
        versionOf: id => this.eras.version(item.era, id),
        stateOf: operator => this.evolved(stage, operator, states[operator]?.get(text), item.era),
      })
      const death = run.go(item.row)
      if (death !== null) {
        this.bury(stage.operators[death.code === 'ANB2008' ? 0 : death.operator]?.id ?? '', item, death.code)
        if (death.costly) this.costly.all += 1
        if (death.slow) this.costly.slow += 1
        continue
      }
      main.push(...run.rows.map(row => ({ ...item, row })))
      run.sides.forEach((rows, operator) => sides[operator]?.push(...rows.map(row => ({ ...item, row }))))
      run.states.forEach((state, operator) => {
        if (state === null) states[operator]?.delete(text)
        else states[operator]?.set(text, { key: Object.fromEntries(key), state, era: item.era })
      })
    }
    this.atEnd(stage, this.places.ofEnd(index), states, sides)
    this.outputs.set(nameOf({ vertex: index, side: null }), main)
    sides.forEach((items, operator) => this.outputs.set(`${index} side ${operator}`, items))
  }

  /** What was left in an era as code of a later one finds it: a column that went on the way came back new. */
  private evolved({ operators }: StageVertex, operator: number, kept: Kept | undefined, era: number): State {
    const id = operators[operator]?.id ?? ''
    const state = { ...kept?.state }
    for (let at = kept?.era ?? era; at <= era; at += 1) {
      if (!this.eras.version(at, id).keepsMore) delete state['more']
      else state['more'] ??= BigInt(moreAtFirst)
    }
    return state
  }

  private atEnd(
    stage: StageVertex,
    place: Place,
    states: readonly Map<string, Kept>[],
    sides: readonly Item[][],
  ): void {
    stage.operators.forEach(({ id, fn }, operator) => {
      if (!fn.atEnd) return
      const era = this.eras.ofLastCalls(stage.number)
      const mark = markOf(this.eras.version(era, id))
      for (const { key, state } of states[operator]?.values() ?? []) {
        const { n = null, sum = null, last } = state
        const item = {
          row: { k: key['k'] ?? null, n, sum, last: typeof last === 'string' ? last + mark : null },
          source: '',
          position: null,
          place,
          era,
        }
        if (key['k'] === badAtEnd) {
          this.bury(id, { ...item, row: key }, 'ANB2001')
          this.costly.all += 1
        } else sides[operator]?.push(item)
      }
    })
  }
}

const nameOf = (input: VertexInput): string =>
  input.side === null ? `${input.vertex}` : `${input.vertex} side ${input.side.operator}`

function renamed(row: Row, columns: readonly { readonly from: string; readonly to: string }[]): Row {
  return Object.fromEntries(columns.map(({ from, to }) => [to, row[from] ?? null]))
}

interface Death {
  readonly operator: number
  readonly code: 'ANB2001' | 'ANB2002' | 'ANB2008'
  /** It fails the call that it is in. */
  readonly costly: boolean
  readonly slow: boolean
}

/** One row through the operators of one stage. */
class ChainRun {
  rows: readonly Row[] = []
  readonly sides = new Map<number, readonly Row[]>()
  /** State that it leaves, by operator; null: deleted. */
  readonly states = new Map<number, State | null>()

  constructor(
    private readonly stage: StageVertex,
    private readonly known: {
      /** Of an operator in `fate`, by its id. */
      readonly numbers: ReadonlyMap<string, number>
      versionOf(id: string): Version
      stateOf(operator: number): State
    },
  ) {}

  go(row: Row): Death | null {
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
    row: Row,
  ): readonly Row[] {
    const { number, keepsMore } = version
    const left = this.states.get(operator)
    const state = left === undefined ? this.known.stateOf(operator) : (left ?? {})
    switch (name) {
      case 'tally': {
        const nth = BigInt(Number(state['n'] ?? 0) + 1)
        const total = Number(state['sum'] ?? 0) + Number(row['v'] ?? 0) + number
        const last = `${Number(row['g'])}${'-'.repeat(Number(row['g']))}${markOf(version)}`
        const more = Number(state['more'] ?? moreAtFirst) + 1
        this.states.set(operator, { n: nth, sum: total, last, ...(keepsMore && { more }) })
        const mark = state['last'] ?? null
        return [{ ...row, nth, total, before: keepsMore ? `${mark}+${more}` : mark }]
      }
      case 'fresh': {
        const seen = Number(state['seen'] ?? 0)
        const bit = 2 ** ((Number(row['g']) + number) % 12)
        const n = Number(state['n'] ?? 0) + 1
        const known = Math.floor(seen / bit) % 2 === 1
        this.states.set(operator, n >= 9 ? null : { seen: known ? seen : seen + bit, n })
        return known ? [] : [row]
      }
      default: {
        const waiting = state['waiting'] ?? null
        const own = BigInt(Number(row['id']) + number * 1e9)
        this.states.set(operator, { waiting: waiting === null ? own : null })
        return waiting === null ? [] : [{ ...row, partner: waiting }]
      }
    }
  }
}

const isOdd = (row: Row, { number }: Version): boolean => (Number(row['g']) + number) % 2 === 1

/** What a version adds to a text. */
const markOf = ({ number }: Version): string => (number > 0 ? `~${number}` : '')

/** What a bug does to a row; null: nothing. */
function evilOf(name: string, { bug }: Version, row: Row): number | null {
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

function stateless(name: string, version: Version, row: Row): readonly Row[] {
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

export function expect(job: Job, sources: readonly (readonly Split[])[], eras: Eras): Expected {
  const oracle = new Oracle(job, sources, eras)
  oracle.run(job.topology)
  const { all, slow } = oracle.costly
  return {
    sinks: oracle.sinks,
    letters: oracle.letters.toSorted(),
    rowsIn: sources.flat().reduce((n, s) => n + s.lines.length, 0),
    rowsDead: oracle.dead.size,
    // A row that hangs or is killed gets two tries more, since an outsider may have done it.
    extraCalls: batch => 2 * all * (1 + Math.ceil(Math.log2(Math.max(1, batch)))) + 2 * slow,
  }
}
