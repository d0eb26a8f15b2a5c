/**
 * Stages: from the nodes of a plan to the topology that runs. Pure, and total for a plan without faults.
 *
 * Python operators chain as long as the rows between them have one reader and need no exchange. An exchange
 * is needed where a key was chosen that a keyed operator further down the same chain uses: a `keyBy` that
 * nobody uses moves no row.
 */
import { invariant } from '../base/index.js'
import { type Field, type Schema, fieldNamed, schemaFromJson, schemaToJson, withFields } from '../schema/index.js'
import { type Graph, graphOf, keyOf, nodeAt, outputOf, throughKeys } from './graph.js'
import { type Needs, columnsNeeded } from './needs.js'
import {
  type Edge,
  type KeyNode,
  type Plan,
  type PlanNode,
  type PythonNode,
  type PythonSinkConnector,
  type SourceNode,
  isTable,
} from './nodes.js'
import {
  type OpenStage,
  type StageOperator,
  type StageVertex,
  type Topology,
  type Vertex,
  type VertexInput,
  schemaIds,
} from './topology.js'

/** More operators than this in a row make two stages: the schema ids of a stage have room for 240. */
export const chainMax = 64

interface Building {
  readonly graph: Graph
  readonly needs: Needs
  readonly vertices: Vertex[]
  /** Where an output (`outputOf`) comes out. */
  readonly places: Map<string, VertexInput>
  stages: number
}

export function stagesOf(plan: Plan): Topology {
  const graph = graphOf(plan)
  const building: Building = { graph, needs: columnsNeeded(plan, graph), vertices: [], places: new Map(), stages: 0 }
  const chains = chainsOf(plan, graph)
  for (const node of plan.nodes) {
    if (node.kind === 'key') continue
    if (node.kind !== 'python') {
      building.places.set(outputOf({ node: node.id }), { vertex: building.vertices.length, side: null })
      building.vertices.push(nativeVertex(building, node))
      continue
    }
    // A stage stands where its first operator stands: only that one reads from outside the chain.
    const chain = chains.get(node.id)
    if (chain !== undefined) addStage(building, chain)
  }
  return { vertices: building.vertices }
}

/** Chains by the id of their first operator. */
function chainsOf(plan: Plan, graph: Graph): ReadonlyMap<string, readonly PythonNode[]> {
  const chains = new Map<string, readonly PythonNode[]>()
  for (const node of plan.nodes) {
    if (node.kind !== 'python' || before(graph, node) !== null) continue
    const run = [node]
    for (let next = after(graph, node); next !== null; next = after(graph, next)) run.push(next)
    for (const chain of cut(graph, run)) {
      const [first] = chain
      if (first !== undefined) chains.set(first.id, chain)
    }
  }
  return chains
}

/** The one operator that reads the main output, where nobody else does. */
function after(graph: Graph, node: PythonNode): PythonNode | null {
  const readers = graph.readers.get(outputOf({ node: node.id })) ?? []
  const [reader] = readers
  return readers.length === 1 && reader?.kind === 'python' ? reader : null
}

function before(graph: Graph, node: PythonNode): PythonNode | null {
  const edge = throughKeys(graph.nodes, node.input)
  const above = nodeAt(graph, edge.node)
  if (edge.output !== undefined || above.kind !== 'python') return null
  return after(graph, above) === node ? above : null
}

/**
 * Cuts a run of operators at each key that a keyed operator below it uses, and before one whose maps have entries named
 * by a column that the chain makes: the host has to know the names before the call.
 */
function cut(graph: Graph, run: readonly PythonNode[]): readonly (readonly PythonNode[])[] {
  const used = new Set<KeyNode | null>()
  for (const node of run) if (node.fn.keyed) used.add(keyOf(graph.nodes, node.input))
  const chains: PythonNode[][] = []
  for (const node of run) {
    const chain = chains.at(-1)
    const isFull = chain === undefined || chain.length >= chainMax
    if (isFull || keysBetween(graph, node.input).some(k => used.has(k)) || isNamedBy(chain, node)) {
      chains.push([node])
    } else chain.push(node)
  }
  return chains
}

/** Whether an operator of the chain makes a column that names entries of a map of this one. */
function isNamedBy(chain: readonly PythonNode[], { fn }: PythonNode): boolean {
  const names = fn.state.flatMap(([, , more]) => (more?.keep?.as === 'map' ? [more.keep.entries] : []))
  return chain.some(node => node.fn.outputs.some(([name]) => names.includes(name)))
}

/** The key nodes directly above. */
function keysBetween(graph: Graph, edge: Edge): readonly KeyNode[] {
  const node = nodeAt(graph, edge.node)
  return node.kind === 'key' && edge.output === undefined ? [node, ...keysBetween(graph, node.input)] : []
}

function addStage(building: Building, chain: readonly PythonNode[]): void {
  const [first] = chain
  const last = chain.at(-1)
  invariant(first !== undefined && last !== undefined, 'a chain has an operator')
  const { graph } = building
  const vertex = building.vertices.length
  const source = inputOf(building, first.input)
  const input = schemaOf(building, source)
  const operators = chain.map(node => stageOperator(building, node))
  const keyed = chain.find(node => node.fn.keyed)
  const key = keyed === undefined ? null : keyOf(graph.nodes, keyed.input)
  const output = chain.reduce<Schema>((all, node) => withFields(all, bare(schemaFromJson(node.fn.outputs))), {
    fields: [],
  })
  const stage: StageVertex = {
    kind: 'stage',
    id: chain.map(node => node.id).join('+'),
    inputs: [source],
    number: building.stages++,
    operators,
    key: key === null ? null : { columns: key.columns, nullKeys: key.nullKeys },
    input,
    shipped: shippedOf(chain, input, key?.columns ?? []),
    output,
    schema: withFields(input, output),
    consumed: graph.readers.has(outputOf({ node: last.id })),
  }
  building.vertices.push(stage)
  building.places.set(outputOf({ node: last.id }), { vertex, side: null })
  operators.forEach((operator, index) => {
    for (const { name, output: number } of operator.sides) {
      const side = { operator: index, output: number, name }
      building.places.set(outputOf({ node: operator.id, output: name }), { vertex, side })
    }
  })
}

function stageOperator(building: Building, node: PythonNode): StageOperator {
  const sides = Object.entries(node.fn.side).map(([name, schema], index) => ({
    output: index + 1,
    name,
    schema: bare(schemaFromJson(schema)),
    consumed: building.graph.readers.has(outputOf({ node: node.id, output: name })),
  }))
  return { id: node.id, place: node.place, fn: node.fn, sides }
}

/**
 * Columns of the input that an operator reads before an earlier one of the chain gave them anew; and the key where
 * code sees one key at a time, which may ask which.
 */
function shippedOf(chain: readonly PythonNode[], input: Schema, key: readonly string[]): Schema {
  const made = new Set<string>()
  const read = new Set<string>()
  for (const { fn } of chain) {
    if (fn.keyed && fn.mode !== 'batch') for (const name of key) read.add(name)
    for (const [name] of fn.inputs) if (!made.has(name)) read.add(name)
    for (const [name] of fn.outputs) made.add(name)
  }
  return bare({ fields: input.fields.filter(field => read.has(field.name)) })
}

/** Defaults are for decoding and for new keys; rows that flow have none. */
function bare(schema: Schema): Schema {
  const strip = ({ name, type, required }: Field): Field => ({ name, type, ...(required === true && { required }) })
  return { fields: schema.fields.map(strip) }
}

function inputOf(building: Building, edge: Edge): VertexInput {
  const place = building.places.get(outputOf(throughKeys(building.graph.nodes, edge)))
  invariant(place !== undefined, 'each node stands after all that it reads')
  return place
}

function schemaOf(building: Building, input: VertexInput): Schema {
  const vertex = building.vertices[input.vertex]
  invariant(vertex !== undefined, 'an input stands before its reader')
  if (input.side === null) return vertex.schema
  invariant(vertex.kind === 'stage', 'side outputs come from stages')
  const side = vertex.operators[input.side.operator]?.sides[input.side.output - 1]
  invariant(side !== undefined, 'the side output is declared')
  return side.schema
}

function nativeVertex(building: Building, node: Exclude<PlanNode, PythonNode | KeyNode>): Vertex {
  if (node.kind === 'source') {
    return { kind: 'source', id: node.id, inputs: [], connector: node.connector, schema: sourceSchema(building, node) }
  }
  if (node.kind === 'union') {
    const inputs = node.inputs.map(edge => inputOf(building, edge))
    const all = inputs.map(input => schemaOf(building, input))
    // A column that was pruned on one side is needed by nobody: it goes on the other sides too.
    const fields = bare(schemaFromJson(node.schema)).fields.filter(f => all.every(s => fieldNamed(s, f.name)))
    return { kind: 'union', id: node.id, inputs, schema: { fields } }
  }
  const input = inputOf(building, node.input)
  const given = schemaOf(building, input)
  if (node.kind === 'sink') {
    return { kind: 'sink', id: node.id, inputs: [input], connector: node.connector, schema: given }
  }
  const columns = node.columns.filter(c => fieldNamed(given, c.from))
  const fields = columns.flatMap(({ from, to }) =>
    given.fields.filter(f => f.name === from).map(f => ({ ...f, name: to })),
  )
  return { kind: 'select', id: node.id, inputs: [input], columns, schema: { fields } }
}

function sourceSchema(building: Building, node: SourceNode): Schema {
  const declared = bare(schemaFromJson(node.schema))
  const needed = building.needs.get(outputOf({ node: node.id })) ?? new Set<string>()
  if (needed === 'all' || !isTable(node.connector.format)) return declared
  const fields = declared.fields.filter(field => needed.has(field.name))
  // At least one column, so that every reader knows how many rows there are.
  return { fields: fields.length > 0 ? fields : declared.fields.slice(0, 1) }
}

/** The one stage of a process that calls a sink, as OPEN carries it; `shipped` are the columns that the function gets. */
export function openSink(id: string, connector: PythonSinkConnector, shipped: Schema): OpenStage {
  const { module, name, inputs, declared } = connector
  const nothing = { outputs: [], state: [], side: {}, atEnd: false } as const
  return {
    id: 0,
    shipped: schemaToJson(shipped),
    schemaId: schemaIds.shipped,
    key: null,
    keys: null,
    operators: [
      { id, module, function: name, kind: 'sink', mode: 'batch', keyed: false, inputs, ...nothing, declared },
    ],
    output: [],
  }
}

/** The stages as OPEN carries them, in the order of their numbers. */
export function openStages(topology: Topology): readonly OpenStage[] {
  return topology.vertices.filter(vertex => vertex.kind === 'stage').map(openStage)
}

function openStage(stage: StageVertex): OpenStage {
  const keyFields = stage.key?.columns.flatMap(name => stage.input.fields.filter(field => field.name === name))
  return {
    id: stage.number,
    shipped: schemaToJson(stage.shipped),
    schemaId: schemaIds.shipped,
    key: stage.key?.columns ?? null,
    keys: keyFields === undefined ? null : schemaToJson({ fields: keyFields }),
    operators: stage.operators.map(({ id, fn }) => ({
      id,
      module: fn.module,
      function: fn.name,
      kind: fn.kind,
      mode: fn.mode,
      keyed: fn.keyed,
      inputs: fn.inputs,
      outputs: fn.outputs,
      state: fn.state,
      side: fn.side,
      atEnd: fn.atEnd,
      declared: fn.declared,
      ...(fn.check !== undefined && { check: fn.check }),
    })),
    output: schemaToJson(stage.output),
  }
}
