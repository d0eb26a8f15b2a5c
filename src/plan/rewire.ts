/**
 * Rewire: the same job with other files at its ends, for tests and notebooks. Everything between a source and a sink
 * stays as it is, the declared schema of the source too.
 */
import { type PlanFault, PlanError } from '../base/index.js'
import { type SchemaJson } from '../schema/index.js'
import { suggest } from './faults.js'
import { arrow, avro, csv, json, parquet } from './formats.js'
import { frozen } from './frozen.js'
import { type FormatNode, type Plan, type PlanNode, type SourceNode, isTable } from './nodes.js'

/** What a source reads instead: a file, or a glob, by its absolute path. */
export interface OtherInput {
  readonly source: string
  readonly path: string
}

/** The plan with files instead of the named sources. Throws a PlanError (ANB1017) that lists all that do not fit. */
export function withInputs(plan: Plan, inputs: readonly OtherInput[]): Plan {
  const sources = plan.nodes.filter(node => node.kind === 'source')
  const faults: PlanFault[] = []
  const other = new Map<string, SourceNode>()
  for (const { source, path } of inputs) {
    const place = `--input ${source}=${path}`
    const node = sources.find(one => one.id === source)
    const format = node === undefined ? null : formatOf(node, path)
    if (node !== undefined && format !== null) {
      other.set(source, { ...node, connector: { kind: 'files', glob: path, format } })
      continue
    }
    const [message, hint] =
      node === undefined
        ? [
            `job "${plan.job}" has no source "${source}"`,
            suggest(
              source,
              sources.map(one => one.id),
              'sources',
            ),
          ]
        : [
            `the name of ${path} does not say how to read it`,
            'name a file that ends in .jsonl, .csv, .avro, .parquet or .arrow',
          ]
    faults.push({ code: 'ANB1017', message, place, hint })
  }
  if (faults.length > 0) throw new PlanError('ANB1017', 'other inputs do not fit the job', { faults })
  return rewired(plan, node => (node.kind === 'source' ? (other.get(node.id) ?? node) : node))
}

/** The plan with every sink writing files of this kind to `sinks/<id>/`: nothing leaves the output folder. */
export function withFileSinks(plan: Plan, kind: FileSinkKind): Plan {
  return rewired(plan, node => {
    if (node.kind !== 'sink') return node
    const { roll, delivery } = node.connector.kind === 'files' ? node.connector : oneFile
    const path = `sinks/${node.id}/`
    return { ...node, connector: { kind: 'files', path, format: { kind }, roll, delivery, partitionBy: [] } }
  })
}

export type FileSinkKind = 'json' | 'parquet' | 'arrow'

const oneFile = {
  roll: { bytes: Number.MAX_SAFE_INTEGER, ms: Number.MAX_SAFE_INTEGER },
  delivery: 'exactly-once',
} as const

const byEnding = {
  jsonl: (schema: SchemaJson) => json(schema),
  csv: (schema: SchemaJson) => csv(schema),
  avro: (schema: SchemaJson) => avro(schema),
  parquet: (schema: SchemaJson) => parquet(schema),
  arrow: (schema: SchemaJson) => arrow(schema),
}
const isEnding = (text: string | undefined): text is keyof typeof byEnding =>
  text !== undefined && Object.hasOwn(byEnding, text)

/** By the end of the name, in the way of the source where it reads such files; lines of text stay lines. */
function formatOf(node: SourceNode, path: string): FormatNode | null {
  const own = node.connector.format
  const ending = /\.(\w+)(\.gz|\.zst)?$/.exec(path)?.[1]
  if (!isEnding(ending)) return own.kind === 'text' ? own : null
  const { format } = byEnding[ending](node.schema)
  return own.kind === format.kind || (own.kind === 'text' && !isTable(format)) ? own : format
}

const rewired = (plan: Plan, change: (node: PlanNode) => PlanNode): Plan =>
  frozen<Plan>({ ...plan, nodes: plan.nodes.map(change) })
