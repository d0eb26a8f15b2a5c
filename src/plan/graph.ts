/** Graph: who reads what in a plan, with key nodes looked through. Shared by stages, column pruning, lint and explain. */
import { invariant } from '../base/index.js'
import { type Edge, type KeyNode, type Plan, type PlanNode } from './nodes.js'

export interface Graph {
  readonly nodes: ReadonlyMap<string, PlanNode>
  /** Nodes that read the output, key nodes replaced by their own readers; see `outputOf` for the key. */
  readonly readers: ReadonlyMap<string, readonly PlanNode[]>
}

/** Name of an output of a node in maps: ids have no tab. */
export const outputOf = (edge: Edge): string => (edge.output === undefined ? edge.node : `${edge.node}\t${edge.output}`)

export function inputsOf(node: PlanNode): readonly Edge[] {
  if (node.kind === 'source') return []
  return node.kind === 'union' ? node.inputs : [node.input]
}

/** The edge behind any key nodes. */
export function throughKeys(nodes: ReadonlyMap<string, PlanNode>, edge: Edge): Edge {
  const node = nodes.get(edge.node)
  return node?.kind === 'key' && edge.output === undefined ? throughKeys(nodes, node.input) : edge
}

export function graphOf(plan: Plan): Graph {
  const nodes = new Map(plan.nodes.map(node => [node.id, node]))
  const readers = new Map<string, PlanNode[]>()
  for (const node of plan.nodes) {
    if (node.kind === 'key') continue
    for (const edge of inputsOf(node)) {
      const output = outputOf(throughKeys(nodes, edge))
      const list = readers.get(output)
      if (list === undefined) readers.set(output, [node])
      else list.push(node)
    }
  }
  return { nodes, readers }
}

export function nodeAt(graph: Graph, id: string): PlanNode {
  const node = graph.nodes.get(id)
  invariant(node !== undefined, `node "${id}" that an edge names is in the plan`)
  return node
}

/**
 * The key that rows of this edge are in force of: the last `keyBy` above it whose columns nobody touched since.
 * A side output, a union, an operator that outputs a key column and a select that drops or renames one end it.
 */
export function keyOf(nodes: ReadonlyMap<string, PlanNode>, edge: Edge): KeyNode | null {
  if (edge.output !== undefined) return null
  const node = nodes.get(edge.node)
  if (node === undefined || node.kind === 'source' || node.kind === 'sink' || node.kind === 'union') return null
  if (node.kind === 'key') return node
  const key = keyOf(nodes, node.input)
  if (key === null) return null
  if (node.kind === 'python') {
    return node.fn.outputs.some(([name]) => key.columns.includes(name)) ? null : key
  }
  const kept = node.columns.filter(c => c.from === c.to).map(c => c.to)
  return key.columns.every(name => kept.includes(name)) ? key : null
}
