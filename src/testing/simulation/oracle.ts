/**
 * The oracle: what must come out of a job, row by row, from the rows that its sources gave. It knows nothing of
 * batches, lanes, workers, frames or columns, and shares no code with the engine or the stand-in.
 *
 * A row that dies anywhere in a stage leaves nothing behind in that stage: no output, no side output, no state.
 */
import { type StageVertex, type Topology, type VertexInput } from '../../plan/index.js'
import { type Eras } from './eras.js'
import { badAtEnd, moreAtFirst } from './functions.js'
import { type Job } from './job.js'
import { type Place, Places, byPlace } from './places.js'
import { Moments } from './moments.js'
import { ChainRun, type State, markOf } from './oracle-chain.js'
import { KeptOracle, Met, type Things, nothingKept } from './oracle-kept.js'
import { type Due, type Split } from './rows.js'
import { type Timetable, keyText } from './timetable.js'

/** What a run says of itself. */
interface Said {
  readonly eras: Eras
  readonly timetable: Timetable
  /** It came to the end of its input. */
  readonly ended: boolean
}

interface Item {
  readonly row: Due
  readonly source: string
  /** null: no row of a source stands behind it. */
  readonly position: number | null
  readonly place: Place
  readonly era: number
}

export interface Expected {
  /** By the id of the sink, in an order that is right where order is promised. */
  readonly sinks: ReadonlyMap<string, readonly Due[]>
  /** Dead letters as `letterText` writes them, sorted. */
  readonly letters: readonly string[]
  readonly rowsIn: number
  readonly rowsDead: number
  /** What became of state that expires, by how often. */
  readonly met: ReadonlyMap<string, number>
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

/** State of a key, as code of an era left it. */
interface Kept {
  readonly key: Due
  readonly state: State
  readonly things: Things
  readonly era: number
}

class Oracle {
  readonly letters: string[] = []
  readonly dead = new Set<string>()
  readonly sinks = new Map<string, readonly Due[]>()
  readonly met = new Met()
  /** Rows whose calls fail, and those of them that hang or are killed. */
  readonly costly = { all: 0, slow: 0 }
  private readonly outputs = new Map<string, readonly Item[]>()
  private readonly places: Places
  private readonly kept: KeptOracle

  constructor(
    private readonly job: Job,
    private readonly sources: readonly (readonly Split[])[],
    private readonly said: Said,
  ) {
    this.places = new Places(job.topology)
    this.kept = new KeptOracle(job.keeping, this.met)
  }

  private get eras(): Eras {
    return this.said.eras
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
    const rows = this.input(stage.inputs[0]).map(({ row }) => row)
    const moments = new Moments(stage, rows, this.said.timetable)
    for (const item of this.input(stage.inputs[0])) {
      const key = stage.key?.columns.map(c => [c, item.row[c] ?? null] as const) ?? []
      if (key.some(([, value]) => value === null) && stage.key?.nullKeys !== 'group') {
        if (stage.key?.nullKeys !== 'drop') this.bury(stage.operators[0]?.id ?? '', item, 'ANB2006')
        continue
      }
      const text = keyText(stage.key?.columns ?? [], item.row)
      const run = new ChainRun(stage, {
        numbers: this.job.operators,
        versionOf: id => this.eras.version(item.era, id),
        stateOf: operator => this.evolved(stage, operator, states[operator]?.get(text), item.era),
        thingsOf: operator => states[operator]?.get(text)?.things ?? nothingKept,
        kept: this.kept,
        moment: moments.of(item.row),
      })
      const death = run.go(item.row)
      if (death?.costly !== true) moments.pass(item.row)
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
        else states[operator]?.set(text, { key: Object.fromEntries(key), ...state, era: item.era })
      })
    }
    if (this.said.ended) moments.check()
    this.atEnd(stage, { place: this.places.ofEnd(index), moments }, states, sides)
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
    { place, moments }: { readonly place: Place; readonly moments: Moments },
    states: readonly Map<string, Kept>[],
    sides: readonly Item[][],
  ): void {
    stage.operators.forEach(({ id, fn }, operator) => {
      if (!fn.atEnd) return
      const era = this.eras.ofLastCalls(stage.number)
      const mark = markOf(this.eras.version(era, id))
      for (const [text, { key, state, things }] of states[operator] ?? []) {
        const moment = moments.atEnd(operator, text)
        const row = fn.name === 'tally' ? tallied(state, mark) : this.kept.totals(fn.name, things, { moment, mark })
        const item = {
          row: { k: key['k'] ?? null, ...(fn.name === 'notes' && { n: state['n'] ?? null }), ...row },
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

function tallied({ n = null, sum = null, last }: State, mark: string): Due {
  return { n, sum, last: typeof last === 'string' ? last + mark : null }
}

const nameOf = (input: VertexInput): string =>
  input.side === null ? `${input.vertex}` : `${input.vertex} side ${input.side.operator}`

function renamed(row: Due, columns: readonly { readonly from: string; readonly to: string }[]): Due {
  return Object.fromEntries(columns.map(({ from, to }) => [to, row[from] ?? null]))
}

export function expect(job: Job, sources: readonly (readonly Split[])[], said: Said): Expected {
  const oracle = new Oracle(job, sources, said)
  oracle.run(job.topology)
  const { all, slow } = oracle.costly
  return {
    sinks: oracle.sinks,
    met: oracle.met.counts,
    letters: oracle.letters.toSorted(),
    rowsIn: sources.flat().reduce((n, s) => n + s.lines.length, 0),
    rowsDead: oracle.dead.size,
    // A row that hangs or is killed gets two tries more, since an outsider may have done it.
    extraCalls: batch => 2 * all * (1 + Math.ceil(Math.log2(Math.max(1, batch)))) + 2 * slow,
  }
}
