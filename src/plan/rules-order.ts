/**
 * Rules about `order="unordered"`: batches of such a stage overtake one another, so nothing that needs their order may
 * stand around or below it.
 */
import { type Faults } from './faults.js'
import { type Plan } from './nodes.js'
import { stagesOf } from './stages.js'
import { type SourceVertex, type StageOperator, type StageVertex, type Vertex } from './topology.js'

/** The first transform of a stage that gives up the order of its rows. */
export const unorderedOf = (vertex: Vertex): StageOperator | undefined =>
  vertex.kind === 'stage' ? vertex.operators.find(operator => operator.fn.unordered === true) : undefined

/** For plans without other faults: only these have stages. */
export function lintOrder(plan: Plan, faults: Faults): void {
  const { vertices } = stagesOf(plan)
  for (const vertex of vertices) {
    const operator = unorderedOf(vertex)
    if (operator === undefined || vertex.kind !== 'stage') continue
    const at = { place: operator.place, what: `operator "${operator.id}"` }
    if (vertex.key !== null) {
      const message = `"${operator.id}" is unordered, but it is called in lanes by key ${vertex.key.columns.join(', ')}`
      faults.add('ANB1026', at, message, 'leave out order="unordered": lanes by key do not wait for one another')
    }
    const union = below(vertices, vertex).find(v => v.kind === 'union' && sourcesOf(vertices, v).every(hasEnd))
    if (union !== undefined) {
      const message = `"${operator.id}" is unordered, but union "${union.id}" gives its rows in one fixed order`
      faults.add('ANB1026', at, message, `put it behind the union, or leave out order="unordered"`)
    }
  }
}

/** What `explain` says of stages that give up the order, and of those below that can see it. */
export function orderLines(vertices: readonly Vertex[]): readonly string[] {
  return vertices.flatMap(vertex => {
    const operator = unorderedOf(vertex)
    if (operator === undefined) return []
    const keyed = below(vertices, vertex).filter((v): v is StageVertex => v.kind === 'stage' && v.key !== null)
    return [
      `  "${operator.id}" gives up the order of its rows: batches overtake one another`,
      ...keyed.map(v => `  "${v.id}" gets the rows of a key in any order`),
    ]
  })
}

const hasEnd = ({ connector }: SourceVertex): boolean =>
  connector.kind === 'files' || (connector.kind === 'custom' && connector.bounded)

/** All that reads what a vertex gives, directly or not. */
function below(vertices: readonly Vertex[], from: Vertex): readonly Vertex[] {
  const reached = new Set([from])
  for (const vertex of vertices) if (inputsOf(vertices, vertex).some(input => reached.has(input))) reached.add(vertex)
  return [...reached].slice(1)
}

const sourcesOf = (vertices: readonly Vertex[], vertex: Vertex): readonly SourceVertex[] =>
  vertex.kind === 'source' ? [vertex] : inputsOf(vertices, vertex).flatMap(input => sourcesOf(vertices, input))

const inputsOf = (vertices: readonly Vertex[], vertex: Vertex): readonly Vertex[] =>
  vertex.inputs.flatMap(input => vertices[input.vertex] ?? [])
