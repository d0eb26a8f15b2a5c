/** Guarantees: what is promised for the rows on each way from a source to a sink, and why. */
import { inputsOf } from './graph.js'
import { type Delivery, type Plan, type PlanNode, type SinkNode, type SourceNode } from './nodes.js'

/** A way from a source to a sink, and what is promised for the rows on it. */
export interface Path {
  readonly source: string
  readonly sink: string
  readonly guarantee: 'exactly once' | 'exactly once per finished run' | 'at least once' | 'at most once'
  /** What makes it so. */
  readonly why: string
  /** How rows change on the way; every row stands for itself. */
  readonly change: 'append' | 'upsert'
}

/** All ways, by sink and then by source, in the order of the plan. */
export function pathsOf(plan: Plan): readonly Path[] {
  const nodes = new Map(plan.nodes.map(node => [node.id, node]))
  return plan.nodes.flatMap(node =>
    node.kind === 'sink' ? sourcesOf(nodes, node).map(source => pathOf(source, node, plan)) : [],
  )
}

function sourcesOf(nodes: ReadonlyMap<string, PlanNode>, from: PlanNode): readonly SourceNode[] {
  const found = new Set<SourceNode>()
  const seen = new Set<PlanNode>()
  const visit = (node: PlanNode | undefined): void => {
    if (node === undefined || seen.has(node)) return
    seen.add(node)
    if (node.kind === 'source') found.add(node)
    for (const edge of inputsOf(node)) visit(nodes.get(edge.node))
  }
  visit(from)
  return [...found]
}

/** Why a source cannot give rows again that it gave before a crash; null where it can. */
function whyReadOnce({ connector }: SourceNode): string | null {
  if (connector.kind === 'socket') return 'a socket has no places to go on at: what it gave before a crash is gone'
  if (connector.kind !== 'custom' || connector.replayable) return null
  return 'it declares replayable: false: what it gave before a crash is gone'
}

function pathOf(from: SourceNode, sink: SinkNode, { job, options }: Plan): Path {
  const change = sink.connector.kind === 'postgres' && sink.connector.key.length > 0 ? 'upsert' : 'append'
  const ends = { source: from.id, sink: sink.id, change } as const
  const why = whyReadOnce(from)
  return why === null
    ? { ...ends, ...ofSink(sink, { job, epochs: options.epochMs !== null }) }
    : { ...ends, guarantee: 'at most once', why }
}

/** Where the source can be read again. */
function ofSink(
  { id, connector }: SinkNode,
  { job, epochs }: { readonly job: string; readonly epochs: boolean },
): Pick<Path, 'guarantee' | 'why'> {
  switch (connector.kind) {
    case 'socket':
      return { guarantee: 'at least once', why: 'a socket cannot take rows back' }
    case 'custom':
      return connector.delivery === 'exactly-once'
        ? { guarantee: 'exactly once per finished run', why: 'the sink shows rows when it is finished' }
        : { guarantee: 'at least once', why: 'the sink shows rows as they come' }
    case 'python':
      return { guarantee: 'at least once', why: pythonWhy(`${job}/${epochs ? 'LINEAGE' : 'RUN'}/${id}`, epochs) }
    case 'null':
    case 'files':
      if (!epochs) return { guarantee: 'exactly once per finished run', why: 'a run that failed begins again' }
      if (connector.kind === 'null')
        return { guarantee: 'exactly once', why: 'nothing is shown, and its rows count by epoch' }
      return inEpochs(connector.delivery)
    case 'postgres':
      if (!epochs) return { guarantee: 'at least once', why: 'without epochs rows go out as they come' }
      return inEpochs(connector.delivery)
  }
}

/** Who gets the rows can tell those that come again: by the key that they come with. */
const pythonWhy = (begin: string, epochs: boolean): string =>
  epochs
    ? `no marker of ours is in its service: rows may come again after a crash, with the same key ${begin}/EPOCH/PART`
    : `without epochs rows go out as they come: a batch may come again, with the same key ${begin}/BATCH/PART`

const inEpochs = (delivery: Delivery): Pick<Path, 'guarantee' | 'why'> =>
  delivery === 'exactly-once'
    ? { guarantee: 'exactly once', why: 'the sink shows the rows of an epoch together with its marker' }
    : { guarantee: 'at least once', why: 'its delivery is at-least-once' }
