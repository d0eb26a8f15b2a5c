/**
 * Needs: which columns of each output somebody reads, so that a Parquet source reads no others.
 *
 * Only what is read from Parquet is pruned. A JSON line is decoded whole: whether it parses must not depend on
 * what the job does with it afterwards.
 */
import { type Edge, type Plan, type PlanNode, type SinkNode } from './nodes.js'
import { type Graph, graphOf, keyOf, outputOf, throughKeys } from './graph.js'

/** Names by output (`outputOf`); 'all' where whole rows are read. */
export type Needs = ReadonlyMap<string, ReadonlySet<string> | 'all'>

export function columnsNeeded(plan: Plan, graph: Graph = graphOf(plan)): Needs {
  const needs = new Map<string, Set<string> | 'all'>()
  const ask = (edge: Edge, names: Iterable<string> | 'all'): void => {
    const output = outputOf(throughKeys(graph.nodes, edge))
    const known = needs.get(output)
    if (names === 'all' || known === 'all') needs.set(output, 'all')
    else needs.set(output, new Set([...(known ?? []), ...names]))
  }
  for (const node of [...plan.nodes].reverse()) {
    const own = needs.get(outputOf({ node: node.id })) ?? new Set<string>()
    if (node.kind === 'sink') ask(node.input, sinkNeeds(node))
    else if (node.kind === 'python') ask(node.input, pythonNeeds(graph, node, own))
    else if (node.kind === 'select') {
      const read = node.columns.filter(c => own === 'all' || own.has(c.to))
      ask(
        node.input,
        read.map(c => c.from),
      )
    } else if (node.kind === 'union') {
      for (const input of node.inputs) ask(input, own === 'all' ? node.schema.map(([name]) => name) : own)
    }
  }
  return needs
}

/** A null sink looks at no more than its checksum column, one of Python at what it declares. */
function sinkNeeds(node: SinkNode): readonly string[] | 'all' {
  if (node.connector.kind === 'python') return node.connector.inputs.map(([name]) => name)
  if (node.connector.kind !== 'null') return 'all'
  return node.connector.checksum === null ? [] : [node.connector.checksum]
}

function pythonNeeds(
  graph: Graph,
  node: PlanNode & { readonly kind: 'python' },
  own: ReadonlySet<string> | 'all',
): readonly string[] | 'all' {
  if (own === 'all') return 'all'
  const added = new Set(node.fn.outputs.map(([name]) => name))
  const key = node.fn.keyed ? keyOf(graph.nodes, node.input) : null
  const passed = [...own].filter(name => !added.has(name))
  return [...passed, ...node.fn.inputs.map(([name]) => name), ...(key?.columns ?? [])]
}
