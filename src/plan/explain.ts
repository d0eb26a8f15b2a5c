/** Explain: a plan for people, as text and as a graph. The promises of each path stand first. */
import { type SchemaJson } from '../schema/index.js'
import { inputsOf } from './graph.js'
import { pathsOf } from './guarantees.js'
import { type CheckRef, type Edge, type Plan, type PlanNode, type SinkNode, type SourceNode } from './nodes.js'
import { orderLines } from './rules-order.js'
import { stagesOf } from './stages.js'
import { type StageVertex } from './topology.js'

/** The plan as text, several lines, no final newline. The plan must be one without faults. */
export function explain(plan: Plan): string {
  const params = Object.entries(plan.params).map(([name, value]) => `  ${name} = ${JSON.stringify(value)}`)
  const paths = pathsOf(plan).map(path => [`${path.source} -> ${path.sink}`, path.guarantee, path.change, path.why])
  const nodes = plan.nodes.map(node => [node.id, titleOf(node), readsOf(node), rowsOf(node), node.place])
  const topology = stagesOf(plan)
  const stages = topology.vertices.filter(vertex => vertex.kind === 'stage')
  return [
    `job "${plan.job}"`,
    ...section('parameters', params),
    ...section('paths', table([['from -> to', 'guarantee', 'changes', 'why'], ...paths])),
    ...section('nodes', table([['id', 'what', 'reads', 'columns', 'place'], ...nodes])),
    ...section('rules', rulesOf(plan)),
    ...section('order', orderLines(topology.vertices)),
    ...section('worker calls', table([['stage', 'operators', 'key', 'ships', 'adds'], ...stages.map(stageRow)])),
  ].join('\n')
}

const rulesOf = (plan: Plan): readonly string[] =>
  plan.nodes.flatMap(node =>
    node.kind === 'python' ? (node.fn.check?.rules ?? []).map(rule => `  ${node.id}: ${rule.text}`) : [],
  )

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, ...lines]

function table(rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length < 2) return []
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  return rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
}

const oneByOne = { batch: '', key: ' (key by key)', row: ' (row by row)' } as const

function titleOf(node: PlanNode): string {
  switch (node.kind) {
    case 'source':
      return sourceTitle(node)
    case 'python':
      if (node.fn.check !== undefined) return checkTitle(node.fn.name, node.fn.check)
      return `${node.fn.keyed ? 'keyed ' : ''}${node.fn.kind} ${node.fn.name}${oneByOne[node.fn.mode]}${node.fn.unordered === true ? ', unordered' : ''}`
    case 'key':
      return `key by ${node.columns.join(', ')}${node.nullKeys === 'dead-letter' ? '' : ` (null keys: ${node.nullKeys})`}`
    case 'sink':
      return sinkTitle(node)
    default:
      return node.kind
  }
}

function checkTitle(name: string, { onFail, maxRatio, rules }: CheckRef): string {
  const limit = maxRatio === null ? '' : `, at most ${maxRatio} of the rows`
  return `check ${name}: ${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}, on failure ${onFail}${limit}`
}

function sourceTitle({ connector }: SourceNode): string {
  switch (connector.kind) {
    case 'files':
      return `source files ${connector.glob} (${connector.format.kind})`
    case 'tail':
      return `source tail of files ${connector.glob} (${connector.format.kind})${connector.onLost === 'earliest' ? ', goes on without files that are gone' : ''}`
    case 'socket':
      return `source socket ${connector.address} (${connector.format.kind})`
    case 'custom':
      return `source ${connector.name} (own${connector.bounded ? '' : ', unbounded'})`
  }
}

function sinkTitle({ connector }: SinkNode): string {
  switch (connector.kind) {
    case 'null':
      return 'null sink'
    case 'files':
      return `sink files ${connector.path} (${connector.format.kind})`
    case 'socket':
      return `sink socket ${connector.address}`
    case 'postgres':
      return `sink table ${connector.table} of PostgreSQL at ${connector.env}`
    case 'python':
      return `sink ${connector.name} (Python)`
    case 'custom':
      return `sink ${connector.name} (own)`
  }
}

const edgeText = (edge: Edge): string => (edge.output === undefined ? edge.node : `${edge.node}.${edge.output}`)
const readsOf = (node: PlanNode): string => inputsOf(node).map(edgeText).join(', ')
const columns = (schema: SchemaJson): string =>
  schema.map(([name, type, more]) => `${name} ${type}${more?.required === true ? ' required' : ''}`).join(', ')

/** All columns of a source, what an operator adds, what a select keeps. */
function rowsOf(node: PlanNode): string {
  if (node.kind === 'sink' || node.kind === 'key') return ''
  if (node.kind !== 'python') return columns(node.schema)
  const sides = Object.entries(node.fn.side).map(([name, schema]) => `${name}: ${columns(schema)}`)
  const added = columns(node.fn.outputs)
  return [added === '' ? '' : `+ ${added}`, ...sides].filter(part => part !== '').join('; ')
}

function stageRow(stage: StageVertex): readonly string[] {
  const names = (fields: readonly { readonly name: string }[]): string =>
    fields.map(field => field.name).join(', ') || '-'
  const key = stage.key === null ? '-' : stage.key.columns.join(', ')
  const operators = stage.operators.map(operator => operator.id).join(' + ')
  return [String(stage.number), operators, key, names(stage.shipped.fields), names(stage.output.fields)]
}

/** The plan as a Mermaid graph, which Markdown viewers draw. */
export function graphText(plan: Plan): string {
  const numbers = new Map(plan.nodes.map((node, index) => [node.id, `n${index}`]))
  const label = (text: string): string => text.replaceAll('"', '#quot;')
  const nodes = plan.nodes.map(node => {
    const [open, close] =
      node.kind === 'python'
        ? ['["', '"]']
        : node.kind === 'source' || node.kind === 'sink'
          ? ['(["', '"])']
          : ['{{"', '"}}']
    return `  ${numbers.get(node.id)}${open}${label(node.id)}<br/>${label(titleOf(node))}${close}`
  })
  const edges = plan.nodes.flatMap(node =>
    inputsOf(node).map(edge => {
      const name = edge.output === undefined ? '' : `|"${label(edge.output)}"|`
      return `  ${numbers.get(edge.node)} -->${name} ${numbers.get(node.id)}`
    }),
  )
  return ['graph LR', ...nodes, ...edges].join('\n')
}
