/** The graph: the vertices of a topology, wired by edges, and the order in which they move. */
import { type Observer, invariant } from '../../base/index.js'
import { type Memory } from '../../batch/index.js'
import { type SinkConnector, type Topology, type Vertex, type VertexInput } from '../../plan/index.js'
import { pollSize } from '../pace/index.js'
import { type BeyondTerms } from './beyond.js'
import { type Edge, type Output } from './edge.js'
import { type Effects } from './effects.js'
import { EpochGate } from './gate.js'
import { type Work } from './grant.js'
import { type Ordering, orderingOf } from './ordering.js'
import { type Place, RowOrder } from './row-order.js'
import { Stage, type StageEvents } from './stage.js'
import { SelectVertex, SinkVertex, SourceVertex, UnionVertex } from './vertices.js'
import { type StateClock } from '../../state/index.js'

type Node = SourceVertex | Stage | SelectVertex | UnionVertex | SinkVertex

export interface GraphTerms {
  readonly lanes: number
  readonly keyGroups: number
  readonly rowsMax: number
  readonly transientMaxMs: number
  readonly stateBytesMax: number
  /** What has to be added to the time of events for milliseconds since 1970. */
  readonly wallMinusNowMs: number
  readonly pool: { readonly workersMax: number; readonly creditPerWorker: number }
  readonly bounded: ReadonlySet<number>
  readonly memory: Memory
  /** `beyond` is for all stages together; null: all state is in memory. */
  readonly epochs: { readonly beyond: BeyondTerms | null } | null
}
export interface GraphEvents extends StageEvents {
  readonly observer: Observer
}

export class Graph {
  readonly sources: readonly SourceVertex[]
  readonly stages: readonly Stage[]
  readonly stagesSinksFirst: readonly Stage[]
  readonly sinks: readonly SinkVertex[]
  readonly order: RowOrder
  readonly gate: EpochGate
  readonly inTurn: boolean

  constructor(
    private readonly nodes: readonly Node[],
    private readonly rowsMax: number,
    private readonly terms: {
      readonly creditPerWorker: number
      readonly order: RowOrder
      /** A union gives rows by place: what may still come has to be known. */
      readonly ordered: boolean
      readonly gate: EpochGate
      /** What state expires by, and what it has beyond the time of events. */
      readonly clock: StateClock
      readonly wallMinusNowMs: number
      /** Bounded sources are read one after the other: a union below wants them so. */
      readonly inTurn: boolean
    },
  ) {
    this.order = terms.order
    this.gate = terms.gate
    this.inTurn = terms.inTurn
    this.sources = nodes.filter(n => n instanceof SourceVertex)
    this.stages = nodes.filter(n => n instanceof Stage)
    this.stagesSinksFirst = this.stages.toReversed()
    this.sinks = nodes.filter(n => n instanceof SinkVertex)
  }

  /** The time of an event: state is judged by it. */
  moveTo(nowMs: number): void {
    this.terms.clock.wallMs = this.terms.wallMinusNowMs + nowMs
  }

  /** Does something as if it were done at an earlier time. */
  asOf<T>(nowMs: number, act: () => T): T {
    const { clock } = this.terms
    const { wallMs } = clock
    this.moveTo(nowMs)
    const done = act()
    clock.wallMs = wallMs
    return done
  }

  /** Moves rows, those nearest to the sinks first. Answers whether anything moved. */
  advance(effects: Effects): boolean {
    if (this.terms.ordered) for (const node of this.nodes) promise(node, this.order)
    let moved = false
    for (const node of this.nodes.toReversed())
      if (node instanceof SinkVertex) advanceSink(node, effects)
      else if (node instanceof Stage) moved = node.route() || node.finish() || moved
      else if (!(node instanceof SourceVertex)) moved = node.advance() || moved
    return moved
  }

  /** No more rows come for any sink. */
  get ended(): boolean {
    return this.sinks.every(s => s.ended)
  }

  /** Bytes that sinks were given and show at a commit. */
  get heldBytes(): number {
    return this.sinks.reduce((n, s) => n + s.heldBytes, 0)
  }

  /** A row waits or is under way that belongs to the epoch that is being cut. */
  get holdsAdmitted(): boolean {
    return this.edges.some(e => e.holdsAdmitted) || this.stages.some(s => s.holdsAdmitted)
  }

  stage(number: number): Stage {
    const stage = this.stages[number]
    invariant(stage !== undefined, 'a stage is named by its number')
    return stage
  }

  sink(index: number): SinkVertex {
    const vertex = this.sinks[index]
    invariant(vertex !== undefined, 'a sink is named by its index')
    return vertex
  }

  /** No row waits before a vertex or in a lane. */
  get idle(): boolean {
    return this.edges.every(e => e.rows === 0) && this.stages.every(s => s.idle)
  }

  /** The queues between the vertices. */
  get edges(): readonly Edge[] {
    return this.nodes.flatMap(inputsOf)
  }

  /** So many workers have to find calls in a stage that has no key. */
  widen(workers: number): void {
    for (const stage of this.stages) stage.widen(windowOf(workers, this.terms.creditPerWorker))
  }

  emit(work: Work): void {
    work.stage.emit(work.ticket.lane)
  }

  /** Rows that a source should give at once, as the cost of calls is now known. */
  get rowsWanted(): number {
    const first = this.stages.filter(s => s.isFirst)
    const most = Math.min(this.rowsMax, ...first.map(s => s.demandBelow))
    return pollSize(
      first.map(({ size, lanes }) => ({ size, lanes: lanes.all.length })),
      most,
    )
  }

  /** The calls that are out end a poll in every lane: rows of polls that began to pass wait in none. */
  get isEven(): boolean {
    return this.stages.every(s => s.isEven)
  }
}

/** Tickets that a stage without key has open: a call for each credit, and some that wait for those before them. */
const windowOf = (workers: number, creditPerWorker: number): number => workers * creditPerWorker + 2

/** Tells who reads a node before which place it will give no row any more. */
function promise(node: Node, order: RowOrder): void {
  if (node instanceof SinkVertex) return
  const front = frontOf(node, order)
  const outputs = node instanceof Stage ? node.outputs : [node.output]
  for (const output of outputs) output.promise(front)
}

function frontOf(node: Exclude<Node, SinkVertex>, order: RowOrder): Place {
  if (node instanceof UnionVertex) return node.front(order)
  return node instanceof SelectVertex ? node.input.front(order) : node.front
}

function advanceSink(sink: SinkVertex, effects: Effects): void {
  const batch = sink.next()
  if (batch !== null) effects.write(sink.index, batch)
}

export function buildGraph(topology: Topology, terms: GraphTerms, events: GraphEvents): Graph {
  const nodes: Node[] = []
  const counts = { source: 0, sink: 0 }
  const ordering = orderingOf(topology, terms.bounded)
  const order = new RowOrder(ordering.ranks, ordering.lastRanks)
  const gate = new EpochGate(topology.vertices.filter(v => v.kind === 'source').length)
  const clock: StateClock = { wallMs: 0 }
  const keyedStages = topology.vertices.filter(v => v.kind === 'stage' && v.key !== null).length
  const all = terms.epochs?.beyond ?? null
  const beyond = all === null ? null : { ...all, budgetBytes: all.budgetBytes / keyedStages }
  for (const vertex of topology.vertices) {
    const node = makeNode(vertex, { ...terms, topology, ordering, order, gate, clock, beyond }, events, counts)
    const inputs = inputsOf(node)
    vertex.inputs.forEach((input, i) => {
      const edge = inputs[i]
      invariant(edge !== undefined, 'each input of a vertex has an edge')
      outputOf(nodes, input).connect(edge)
    })
    nodes.push(node)
  }
  const inTurn = [...ordering.unions.values()].some(by => by !== 'arrival')
  return new Graph(nodes, terms.rowsMax, {
    creditPerWorker: terms.pool.creditPerWorker,
    order,
    ordered: ordering.inOrder.size > 0,
    gate,
    clock,
    wallMinusNowMs: terms.wallMinusNowMs,
    inTurn,
  })
}

/** Whether rows wait in it for a commit. */
const holdsRows = ({ kind }: SinkConnector): boolean => kind !== 'null' && kind !== 'socket'

const inputsOf = (node: Node): readonly Edge[] =>
  node instanceof UnionVertex ? node.inputs : node instanceof SourceVertex ? [] : [node.input]

function makeNode(
  vertex: Vertex,
  terms: GraphTerms & {
    readonly topology: Topology
    readonly ordering: Ordering
    readonly order: RowOrder
    readonly gate: EpochGate
    readonly clock: StateClock
    readonly beyond: BeyondTerms | null
  },
  events: GraphEvents,
  counts: { source: number; sink: number },
): Node {
  switch (vertex.kind) {
    case 'source':
      return new SourceVertex(counts.source++, vertex.id, terms.order)
    case 'sink':
      return new SinkVertex(counts.sink++, vertex.id, holdsRows(vertex.connector), terms.gate)
    case 'select':
      return new SelectVertex(vertex.id, vertex.columns, terms.gate)
    case 'union': {
      const columns = vertex.schema.fields.map(f => f.name)
      const by = terms.ordering.unions.get(vertex)
      invariant(by !== undefined, 'each union has an order')
      return new UnionVertex(vertex.id, vertex.inputs.length, columns, by, terms.order, terms.gate)
    }
    case 'stage':
      return new Stage(
        vertex,
        {
          lanes: Math.min(terms.lanes, terms.keyGroups),
          keyGroups: terms.keyGroups,
          rowsMax: terms.rowsMax,
          window: windowOf(terms.pool.workersMax, terms.pool.creditPerWorker),
          transientMaxMs: terms.transientMaxMs,
          stateBytesMax: terms.stateBytesMax,
          inOrder: terms.ordering.inOrder.has(vertex),
          order: terms.order,
          memory: terms.memory,
          gate: terms.gate,
          observer: events.observer,
          clock: terms.clock,
          beyond: terms.beyond,
          isFirst: vertex.inputs.every(input => isUncalled(terms.topology, input)),
        },
        events,
      )
  }
}

/** Rows come from sources as those gave them: no call was made with them. */
function isUncalled({ vertices }: Topology, { vertex }: VertexInput): boolean {
  const from = vertices[vertex]
  return from !== undefined && from.kind !== 'stage' && from.inputs.every(input => isUncalled({ vertices }, input))
}

function outputOf(nodes: readonly Node[], input: VertexInput): Output {
  const from = nodes[input.vertex]
  invariant(from !== undefined && !(from instanceof SinkVertex), 'an input names a vertex before it that has outputs')
  if (!(from instanceof Stage)) return from.output
  const { side } = input
  const at =
    side === null ? 0 : 1 + from.codec.sides.findIndex(s => s.operator === side.operator && s.output === side.output)
  const output = from.outputs[at]
  invariant(output !== undefined, 'a side output is one of its stage')
  return output
}
