/**
 * The portable form of a plan: JSON with a version, paths relative to the folder of the job, so that the same job
 * gives the same bytes on every machine. What is read back is checked in full: form, edges, schemas, then the rules
 * of lint, since the text may have been edited or made by another program.
 */
import { PlanError, type Shape, ShapeError, shape } from '../base/index.js'
import { ruleShape } from './rule-shape.js'
import { schemaShape } from '../schema/index.js'
import { frozen } from './frozen.js'
import { inputsOf } from './graph.js'
import { lint } from './lint.js'
import {
  type Delivery,
  type OnLost,
  type Edge,
  type FunctionRef,
  type Plan,
  type PlanModule,
  type PlanNode,
  type SinkConnector,
  type SourceConnector,
  planVersion,
} from './nodes.js'
import { refuseFaults } from './refuse.js'
import { edgeSchema, schemaAfter } from './schemas.js'

const { anyJson, boolean, list, map, nullOr, number, object, oneOf, record, string, union, whole } = shape

/** JSON text of the plan, two spaces, one final newline; the same plan gives the same bytes. */
export function planToJson(plan: Plan): string {
  const { folder, ...rest } = plan
  return `${JSON.stringify(
    withPaths(rest, path => relativePath(folder, path)),
    null,
    2,
  )}\n`
}

/**
 * The plan of such a text, for a job in `folder` (absolute). Throws a PlanError: ANB1021 where the text is no plan
 * of this version, ANB1000 with all faults where its job may not run.
 */
export function planFromJson(text: string, folder: string): Plan {
  let plan: Plan
  try {
    const raw: unknown = JSON.parse(text)
    oneOf(planVersion)(record(raw, '')['version'], 'version')
    plan = frozen({ ...withPaths(planShape(raw, ''), path => absolutePath(folder, path)), folder })
    checkNodes(plan)
  } catch (error) {
    if (!(error instanceof ShapeError || error instanceof SyntaxError)) throw error
    throw new PlanError('ANB1021', `the portable plan cannot be read: ${error.message}`, { cause: error })
  }
  refuseFaults(plan.job, lint(plan))
  return plan
}

type Portable = Omit<Plan, 'folder'>

/** The plan with every path of a module changed. */
function withPaths(plan: Portable, change: (path: string) => string): Portable {
  const nodes = plan.nodes.map((node): PlanNode => {
    if (node.kind === 'python') {
      // A contract that the job file wrote lies in no module.
      return node.fn.module === '' ? node : { ...node, fn: { ...node.fn, module: change(node.fn.module) } }
    }
    if (node.kind === 'source') return { ...node, connector: withModules(node.connector, change) }
    if (node.kind === 'sink') return { ...node, connector: withModules(node.connector, change) }
    return node
  })
  const modules = plan.modules.map(each => ({ ...each, path: change(each.path), types: change(each.types) }))
  return { ...plan, nodes, modules }
}

/** Of connectors and formats of the user's own, and of sinks of Python. */
function withModules<C extends SourceConnector | SinkConnector>(connector: C, change: (path: string) => string): C {
  const own =
    connector.kind === 'custom' || connector.kind === 'python'
      ? { ...connector, module: change(connector.module) }
      : connector
  if (!('format' in own) || own.format.kind !== 'custom') return own
  return { ...own, format: { ...own.format, module: change(own.format.module) } }
}

export function relativePath(folder: string, path: string): string {
  if (!path.startsWith('/')) return path
  const from = folder.split('/').filter(Boolean)
  const to = path.split('/').filter(Boolean)
  let same = 0
  while (same < from.length && same < to.length - 1 && from[same] === to[same]) same++
  return [...from.slice(same).map(() => '..'), ...to.slice(same)].join('/')
}

export function absolutePath(folder: string, path: string): string {
  if (path.startsWith('/')) return path
  const parts = folder.split('/').filter(Boolean)
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Edges lead up, ids are unique, and each schema is what its inputs make it. */
function checkNodes(plan: Plan): void {
  const seen = new Map<string, PlanNode>()
  plan.nodes.forEach((node, index) => {
    const path = `nodes[${index}]`
    if (seen.has(node.id)) throw new ShapeError(`${path}.id`, `unique, but "${node.id}" was there before`)
    const schemas = inputsOf(node).map(edge => {
      const from = seen.get(edge.node)
      if (from === undefined) throw new ShapeError(path, `after node "${edge.node}" that it reads`)
      return edgeSchema(from, edge.output)
    })
    const expected = schemaAfter(node, schemas)
    if (node.kind !== 'sink' && JSON.stringify(node.schema) !== JSON.stringify(expected)) {
      throw new ShapeError(`${path}.schema`, `what its inputs make it: ${JSON.stringify(expected)}`)
    }
    seen.set(node.id, node)
  })
}

const edgeShape: Shape<Edge> = (value, path) => {
  const edge = record(value, path)
  const node = string(edge['node'], `${path}.node`)
  return edge['output'] === undefined ? { node } : { node, output: string(edge['output'], `${path}.output`) }
}

const restartShape = union('policy', {
  'fixed-delay': object({ policy: oneOf('fixed-delay'), attempts: whole, delayMs: whole }),
  'exponential-delay': object({
    policy: oneOf('exponential-delay'),
    initialBackoffMs: whole,
    maxBackoffMs: whole,
    backoffMultiplier: number,
    resetBackoffThresholdMs: whole,
    jitterFactor: number,
    attempts: nullOr(whole),
  }),
  'failure-rate': object({
    policy: oneOf('failure-rate'),
    maxFailuresPerInterval: whole,
    failureRateIntervalMs: whole,
    delayMs: whole,
  }),
})
const placed = { id: string, place: string } as const
const custom = { kind: oneOf('custom'), module: string, name: string, options: anyJson() } as const
const dialect = { header: boolean, delimiter: string, quote: string, nullValue: string } as const
const formatShape = union('kind', {
  json: object({ kind: oneOf('json'), schema: schemaShape }),
  csv: object({ kind: oneOf('csv'), schema: schemaShape, ...dialect }),
  avro: object({ kind: oneOf('avro'), schema: schemaShape }),
  parquet: object({ kind: oneOf('parquet'), schema: schemaShape }),
  arrow: object({ kind: oneOf('arrow'), schema: schemaShape }),
  text: object({ kind: oneOf('text') }),
  custom: object({ ...custom, schema: schemaShape }),
  rows: object({ kind: oneOf('rows'), schema: schemaShape }),
})
const sinkFormatShape = union('kind', {
  json: object({ kind: oneOf('json') }),
  csv: object({ kind: oneOf('csv'), ...dialect }),
  avro: object({ kind: oneOf('avro'), codec: oneOf('null', 'deflate') }),
  parquet: object({ kind: oneOf('parquet') }),
  arrow: object({ kind: oneOf('arrow') }),
  custom: object({ ...custom, extension: string }),
})
/** Plans that were written before there was a choice do not have it. */
const onLost: Shape<OnLost> = (value, path) => oneOf('fail', 'earliest')(value ?? 'fail', path)
const sourceConnector = union('kind', {
  files: object({ kind: oneOf('files'), glob: string, format: formatShape }),
  tail: object({ kind: oneOf('tail'), glob: string, format: formatShape, onLost }),
  socket: object({ kind: oneOf('socket'), address: string, format: formatShape }),
  custom: object({ ...custom, format: formatShape, bounded: boolean, replayable: boolean }),
})
/** Plans that were written before there was a choice do not have it. */
const delivery: Shape<Delivery> = (value, path) =>
  value === undefined ? 'exactly-once' : oneOf('exactly-once', 'at-least-once')(value, path)
const sinkConnector = union('kind', {
  files: object({
    kind: oneOf('files'),
    path: string,
    format: sinkFormatShape,
    roll: object({ bytes: whole, ms: whole }),
    delivery,
    partitionBy: list(string),
  }),
  socket: object({ kind: oneOf('socket'), address: string }),
  postgres: object({ kind: oneOf('postgres'), env: string, table: string, key: list(string), delivery }),
  python: object({
    kind: oneOf('python'),
    module: string,
    name: string,
    inputs: schemaShape,
    timeoutMs: whole,
    declared: string,
  }),
  custom: object({ ...custom, delivery: oneOf('exactly-once', 'at-least-once') }),
  null: object({ kind: oneOf('null'), checksum: nullOr(string) }),
})
const checkShape = object({
  onFail: oneOf('dead-letter', 'flag', 'stop'),
  column: string,
  maxRatio: nullOr(number),
  rules: list(ruleShape),
})
const functionShape = object({
  module: string,
  name: string,
  kind: oneOf('transform', 'filter', 'flat_map'),
  keyed: boolean,
  mode: oneOf('batch', 'key', 'row'),
  inputs: schemaShape,
  outputs: schemaShape,
  state: schemaShape,
  side: map(schemaShape),
  atEnd: boolean,
  timeoutMs: whole,
  declared: string,
})
/** A check has one property more, and so has what gives up the order of its rows. */
export const functionRefShape: Shape<FunctionRef> = (value, path) => {
  const { check, unordered, ...rest } = record(value, path)
  const fn = functionShape(rest, path)
  return {
    ...fn,
    ...(unordered !== undefined && { unordered: boolean(unordered, `${path}.unordered`) }),
    ...(check !== undefined && { check: checkShape(check, `${path}.check`) }),
  }
}
const nodeShape: Shape<PlanNode> = union('kind', {
  source: object({ kind: oneOf('source'), ...placed, connector: sourceConnector, schema: schemaShape }),
  python: object({ kind: oneOf('python'), ...placed, input: edgeShape, fn: functionRefShape, schema: schemaShape }),
  key: object({
    kind: oneOf('key'),
    ...placed,
    input: edgeShape,
    columns: list(string),
    nullKeys: oneOf('dead-letter', 'group', 'drop'),
    schema: schemaShape,
  }),
  select: object({
    kind: oneOf('select'),
    ...placed,
    input: edgeShape,
    columns: list(object({ from: string, to: string })),
    schema: schemaShape,
  }),
  union: object({ kind: oneOf('union'), ...placed, inputs: list(edgeShape), schema: schemaShape }),
  sink: object({ kind: oneOf('sink'), ...placed, input: edgeShape, connector: sinkConnector }),
})
const plainModule = object({ path: string, source: string, types: string })
const migrationShape = object({ name: string, operator: string, from: schemaShape, declared: string })
/** Few modules have migrations. */
const moduleShape: Shape<PlanModule> = (value, path) => {
  const { migrations, ...rest } = record(value, path)
  const module = plainModule(rest, path)
  return migrations === undefined
    ? module
    : { ...module, migrations: list(migrationShape)(migrations, `${path}.migrations`) }
}
const planShape: Shape<Portable> = object({
  version: oneOf(planVersion),
  job: string,
  params: map(anyJson()),
  options: object({
    maxDead: nullOr(whole),
    keyGroups: whole,
    workerMemoryBytes: nullOr(whole),
    recycleBytes: nullOr(whole),
    transientMaxMs: whole,
    epochMs: nullOr(whole),
    stateBudgetBytes: nullOr(whole),
    stateBytesMax: whole,
    restart: nullOr(restartShape),
  }),
  nodes: list(nodeShape),
  modules: list(moduleShape),
})
