/** Rules about one node of a plan and what it reads. */
import { type DataType, type SchemaJson, parseType } from '../schema/index.js'
import { type Faults, type Place, suggest } from './faults.js'
import { type Graph, inputsOf, keyOf } from './graph.js'
import {
  type Edge,
  type KeyNode,
  type PlanNode,
  type PythonNode,
  type SelectNode,
  type SinkNode,
  type SourceNode,
  type UnionNode,
  isTable,
} from './nodes.js'
import { lintTableColumns } from './postgres.js'
import { lintCheck } from './rules-check.js'
import { lintFormat, lintOwn } from './rules-format.js'
import { stateFaults } from './rules-state.js'
import { columnOf, edgeSchema, formatSchema, isRequired } from './schemas.js'

export interface NodeRule {
  readonly graph: Graph
  readonly faults: Faults
  /** Nodes whose columns are not known after an earlier fault; grows on the way down. */
  readonly tainted: Set<string>
}

const nouns: Readonly<Record<PlanNode['kind'], string>> = {
  source: 'source',
  python: 'operator',
  key: 'keyBy',
  select: 'select',
  union: 'union',
  sink: 'sink',
}
export const placeOf = (node: PlanNode): Place => ({ place: node.place, what: `${nouns[node.kind]} "${node.id}"` })

/** Side outputs of one function: the number in a frame's schema id has room for 15. */
export const sidesMax = 15

export function lintNode(rule: NodeRule, node: PlanNode): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(node.id)) {
    rule.faults.add('ANB1010', placeOf(node), `id "${node.id}" is not allowed`)
  }
  const edges = inputsOf(node)
  for (const edge of edges) lintEdge(rule, node, edge)
  if (edges.some(edge => rule.tainted.has(edge.node) || !sideExists(rule, edge))) rule.tainted.add(node.id)
  switch (node.kind) {
    case 'source':
      return lintSource(rule, node)
    case 'python':
      return lintPython(rule, node)
    case 'key':
      return lintKey(rule, node)
    case 'select':
      return lintSelect(rule, node)
    case 'union':
      return lintUnion(rule, node)
    case 'sink':
      return lintSink(rule, node)
  }
}

const sidesOf = (node: PlanNode | undefined): readonly string[] =>
  node?.kind === 'python' ? Object.keys(node.fn.side) : []

function sideExists(rule: NodeRule, edge: Edge): boolean {
  return edge.output === undefined || sidesOf(rule.graph.nodes.get(edge.node)).includes(edge.output)
}

function lintEdge(rule: NodeRule, node: PlanNode, edge: Edge): void {
  if (sideExists(rule, edge) || rule.tainted.has(edge.node)) return
  const from = rule.graph.nodes.get(edge.node)
  const hint =
    from?.kind === 'python'
      ? suggest(edge.output ?? '', sidesOf(from), `side outputs of "${edge.node}"`)
      : 'call .side(...) directly after the function that has it'
  rule.faults.add('ANB1007', placeOf(node), `"${edge.node}" has no side output "${edge.output}"`, hint)
}

/** What flows in; null where it is not known. */
function schemaIn(rule: NodeRule, edge: Edge): SchemaJson | null {
  const node = rule.graph.nodes.get(edge.node)
  if (node === undefined || rule.tainted.has(edge.node) || !sideExists(rule, edge)) return null
  return edgeSchema(node, edge.output)
}

function lintSource(rule: NodeRule, node: SourceNode): void {
  if (rule.tainted.has(node.id)) return
  const at = placeOf(node)
  const { connector } = node
  lintColumns(rule, at, formatSchema(connector.format), `schema of source "${node.id}"`)
  if (formatSchema(connector.format).length === 0) {
    rule.faults.add(
      'ANB1017',
      at,
      `the schema of source "${node.id}" has no column`,
      'declare the columns: json({ user: "utf8" })',
    )
  }
  lintFormat(rule.faults, at, connector.format, node.schema)
  if (connector.kind === 'custom') return lintOwn(rule.faults, at, connector)
  if (connector.kind === 'socket') {
    lintAddress(rule, at, connector.address)
    if (isTable(connector.format) || connector.format.kind === 'avro') {
      const message = `a socket carries lines, not ${connector.format.kind}`
      rule.faults.add('ANB1017', at, message, 'write socket(address, json(S))')
    }
  } else if (connector.kind === 'tail' && (isTable(connector.format) || connector.format.kind === 'avro')) {
    const message = `files(..., { tail: true }) follows lines, not ${connector.format.kind}`
    rule.faults.add('ANB1017', at, message, 'leave out tail, or have the files written as lines')
  } else if (typeof connector.glob !== 'string' || connector.glob.trim() === '') {
    rule.faults.add('ANB1017', at, 'files(...) needs a glob, but it is empty', 'write files("input/*.jsonl", ...)')
  }
}

function lintAddress(rule: NodeRule, at: Place, address: string): void {
  const tcp = /^tcp:\/\/(\[[0-9A-Fa-f:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(address)
  const port = Number(tcp?.[2] ?? -1)
  if ((tcp !== null && port >= 1 && port <= 65_535) || /^unix:\/\/\/.+$/.test(address)) return
  const message = `address "${address}" must be tcp://host:port or unix:///path`
  rule.faults.add('ANB1017', at, message, 'write for example tcp://127.0.0.1:9000 or unix:///tmp/rows.sock')
}

/** Types that can be read, and no name twice. Answers the types that could be read. */
function lintColumns(rule: NodeRule, at: Place, schema: SchemaJson, what: string): ReadonlyMap<string, DataType> {
  const types = new Map<string, DataType>()
  for (const [name, type] of schema) {
    if (types.has(name)) rule.faults.add('ANB1024', at, `column "${name}" stands twice in the ${what}`)
    try {
      types.set(name, parseType(type))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      rule.faults.add('ANB1015', at, `column "${name}" of the ${what} has type "${type}", which cannot be read`, why)
    }
  }
  return types
}

function lintPython(rule: NodeRule, node: PythonNode): void {
  const at = placeOf(node)
  const { fn } = node
  if (rule.tainted.has(node.id) && fn.name === '') return
  if (fn.check !== undefined) lintCheck(rule.faults, at, fn.check)
  const title = `${titleOf(node)}`
  const schemas: readonly (readonly [string, SchemaJson])[] = [
    ['inputs', fn.inputs],
    ['outputs', fn.outputs],
    ...Object.entries(fn.side).map(([n, s]) => [`side output "${n}"`, s] as const),
  ]
  for (const [name, schema] of schemas) lintColumns(rule, at, schema, `${name} of ${title}`)
  for (const message of stateFaults(fn, lintColumns(rule, at, fn.state, `state of ${title}`), title))
    rule.faults.add('ANB1022', at, message)
  if (Object.keys(fn.side).length > sidesMax) {
    rule.faults.add('ANB1017', at, `${title} has more than ${sidesMax} side outputs`, 'merge some of them')
  }
  if (fn.atEnd && Object.keys(fn.side).length === 0) {
    rule.faults.add('ANB1025', at, `at_end of ${title} has no side output that its rows could go to`)
  }
  const given = schemaIn(rule, node.input)
  if (given !== null) lintInputs(rule, at, { title, inputs: fn.inputs, given })
  if (fn.keyed && given !== null && keyOf(rule.graph.nodes, node.input) === null) lintNoKey(rule, node)
}

const titleOf = (node: PythonNode): string =>
  node.fn.check !== undefined
    ? `contract "${node.fn.name}"`
    : `${node.fn.keyed ? 'keyed' : node.fn.kind} "${node.fn.name}"`

interface Wanted {
  /** What needs the columns, as messages name it. */
  readonly title: string
  readonly inputs: SchemaJson
  readonly given: SchemaJson
}

function lintInputs(rule: NodeRule, at: Place, { title, inputs, given }: Wanted): void {
  const names = given.map(([name]) => name)
  for (const want of inputs) {
    const [name, type] = want
    const have = columnOf(given, name)
    if (have === undefined) {
      const message = `${title} needs column "${name}", which the stream does not have`
      rule.faults.add('ANB1001', at, message, suggest(name, names, 'columns here'))
    } else if (!sameTypeText(have[1], type)) {
      const message = `${title} needs column "${name}" as ${type}, but the stream has ${have[1]}`
      rule.faults.add('ANB1002', at, message)
    } else if (isRequired(want) && !isRequired(have)) {
      const message = `${title} needs column "${name}" without nulls, but the stream may have some`
      const hint = `drop .required() from its inputs, or declare "${name}" required where it comes from`
      rule.faults.add('ANB1002', at, message, hint)
    }
  }
}

/** Spaces do not matter; a type that cannot be read was told already. */
function sameTypeText(a: string, b: string): boolean {
  return a.replaceAll(' ', '') === b.replaceAll(' ', '')
}

/** Why there is no key: none was chosen, or something on the way ended it. */
function lintNoKey(rule: NodeRule, node: PythonNode): void {
  const lost = keyLost(rule.graph, node.input)
  const before = `put .keyBy("column") before "${node.id}"`
  if (lost === null)
    rule.faults.add('ANB1004', placeOf(node), `${titleOf(node)} needs a key, and the stream has none`, before)
  else
    rule.faults.add('ANB1004', placeOf(node), `${titleOf(node)} needs a key, but ${lost} ended it`, `${before} again`)
}

/** The node that ended the key, as a phrase. */
function keyLost(graph: Graph, edge: Edge): string | null {
  const node = graph.nodes.get(edge.node)
  if (node === undefined || node.kind === 'source' || node.kind === 'sink' || node.kind === 'key') return null
  if (node.kind === 'union') return node.inputs.some(input => keyOf(graph.nodes, input)) ? `union "${node.id}"` : null
  const key = keyOf(graph.nodes, node.input)
  if (key === null) return keyLost(graph, node.input)
  if (edge.output !== undefined) return `side output "${edge.output}" of "${node.id}"`
  const columns = key.columns.map(name => `"${name}"`).join(', ')
  return node.kind === 'python'
    ? `"${node.id}" outputs key column ${columns}, which`
    : `select "${node.id}" does not keep key column ${columns}, which`
}

function lintKey(rule: NodeRule, node: KeyNode): void {
  const at = placeOf(node)
  if (node.columns.length === 0) rule.faults.add('ANB1001', at, '.keyBy needs a column', 'write .keyBy("user")')
  if (!['dead-letter', 'group', 'drop'].includes(node.nullKeys)) {
    const message = `option nullKeys must be "dead-letter", "group" or "drop", but it is ${JSON.stringify(node.nullKeys)}`
    rule.faults.add('ANB1017', at, message)
  }
  const given = schemaIn(rule, node.input)
  if (given === null) return
  node.columns.forEach((name, index) => {
    const have = columnOf(given, name)
    if (have === undefined) return missing(rule, at, 'key', name, given)
    if (/^(list|struct|map)</.test(have[1])) {
      rule.faults.add('ANB1002', at, `key column "${name}" is ${have[1]}, but a key is of a type that is not nested`)
    }
    if (node.columns.indexOf(name) < index) rule.faults.add('ANB1024', at, `column "${name}" stands twice in the key`)
  })
}

function missing(rule: NodeRule, at: Place, what: string, name: string, given: SchemaJson): void {
  const names = given.map(([known]) => known)
  const message = `${what} column "${name}" does not exist`
  rule.faults.add('ANB1001', at, message, suggest(String(name), names, 'columns here'))
}

function lintSelect(rule: NodeRule, node: SelectNode): void {
  const at = placeOf(node)
  if (node.columns.length === 0) rule.faults.add('ANB1001', at, '.select needs a column', 'write .select("user")')
  const seen = new Set<string>()
  for (const { to } of node.columns) {
    if (seen.has(to)) rule.faults.add('ANB1024', at, `column "${to}" stands twice in the select`)
    seen.add(to)
  }
  const given = schemaIn(rule, node.input)
  if (given === null) return
  const lost = node.columns.filter(({ from }) => columnOf(given, from) === undefined)
  for (const { from } of lost) missing(rule, at, 'selected', from, given)
}

function lintUnion(rule: NodeRule, node: UnionNode): void {
  const [first, ...others] = node.inputs.map(edge => schemaIn(rule, edge))
  if (first === undefined || first === null) return
  const at = placeOf(node)
  for (const other of others) {
    if (other === null) continue
    for (const [name, type] of first) {
      const have = columnOf(other, name)
      if (have === undefined) rule.faults.add('ANB1008', at, `column "${name}" is only on one side of the union`)
      else if (!sameTypeText(have[1], type)) {
        rule.faults.add(
          'ANB1008',
          at,
          `column "${name}" is ${type} on one side of the union and ${have[1]} on the other`,
        )
      }
    }
    for (const [name] of other) {
      if (columnOf(first, name) === undefined)
        rule.faults.add('ANB1008', at, `column "${name}" is only on one side of the union`)
    }
  }
}

/** What a run keeps for itself in the output folder. */
const reserved: ReadonlySet<string> = new Set(['state', 'dead-letters', 'run.json'])

function lintSink(rule: NodeRule, node: SinkNode): void {
  const at = placeOf(node)
  const { connector } = node
  if (connector.kind === 'socket') return lintAddress(rule, at, connector.address)
  if (connector.kind === 'null') return lintChecksum(rule, node, connector.checksum)
  if (connector.kind === 'custom') return lintOwn(rule.faults, at, connector)
  const given = schemaIn(rule, node.input)
  if (connector.kind === 'postgres') return lintTable(rule, at, connector.key, given)
  if (connector.kind === 'python') {
    const title = `sink "${connector.name}"`
    lintColumns(rule, at, connector.inputs, `inputs of ${title}`)
    if (given !== null) lintInputs(rule, at, { title, inputs: connector.inputs, given })
    return
  }
  const written = (given ?? []).filter(([name]) => !connector.partitionBy.includes(name))
  lintFormat(rule.faults, at, connector.format, written)
  if (given !== null) lintPartitions(rule, at, connector.partitionBy, given)
  const parts = connector.path.split('/').filter(part => part !== '' && part !== '.')
  const [top = ''] = parts
  if (connector.path.startsWith('/') || parts.includes('..')) {
    const hint = 'sink paths are relative to --out and stay in it: files.sink("name/", ...)'
    rule.faults.add('ANB4005', at, `sink path ${JSON.stringify(connector.path)} leaves the output folder`, hint)
  } else if (parts.length === 0 || reserved.has(top) || parts.some(part => /^[.]|[\\\u0000-\u001f]/.test(part))) {
    const hint = 'name a folder for this output alone: files.sink("name/", ...)'
    rule.faults.add('ANB1010', at, `sink path ${JSON.stringify(connector.path)} is not allowed`, hint)
  }
}

function lintTable(rule: NodeRule, at: Place, key: readonly string[], given: SchemaJson | null): void {
  if (given === null) return
  lintTableColumns(rule.faults, at, given)
  for (const name of key) if (columnOf(given, name) === undefined) missing(rule, at, 'key', name, given)
}

function lintPartitions(rule: NodeRule, at: Place, columns: readonly string[], given: SchemaJson): void {
  columns.forEach((name, index) => {
    const have = columnOf(given, name)
    if (have === undefined) return missing(rule, at, 'partition', name, given)
    if (columns.indexOf(name) < index) rule.faults.add('ANB1024', at, `column "${name}" stands twice in partitionBy`)
    if (/^(list|struct|map|binary|float)/.test(have[1])) {
      const hint = 'partition by text, whole numbers, bool, dates or times'
      rule.faults.add('ANB1002', at, `partition column "${name}" is ${have[1]}, which names no folder`, hint)
    }
  })
  if (columns.length > 0 && given.every(([name]) => columns.includes(name))) {
    rule.faults.add('ANB1017', at, 'partitionBy names every column, so nothing would be written')
  }
}

function lintChecksum(rule: NodeRule, node: SinkNode, name: string | null): void {
  const given = schemaIn(rule, node.input)
  if (name === null || given === null) return
  const have = columnOf(given, name)
  if (have === undefined) missing(rule, placeOf(node), 'checksum', name, given)
  else if (have[1] !== 'float64') {
    rule.faults.add('ANB1002', placeOf(node), `checksum column "${name}" must be float64, but it is ${have[1]}`)
  }
}
