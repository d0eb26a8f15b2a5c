/**
 * Schemas along a plan: what each node gives, from what it gets. Total: where something does not fit it answers
 * the best guess, and lint says what is wrong.
 */
import { type FieldJson, type SchemaJson } from '../schema/index.js'
import { type FormatNode, type PlanNode } from './nodes.js'

/** Without the schema, since that is what is asked for. */
export type Unschemed = { [K in PlanNode['kind']]: Omit<PlanNode & { readonly kind: K }, 'schema'> }[PlanNode['kind']]

export const textSchema: SchemaJson = [['line', 'utf8']]

export const formatSchema = (format: FormatNode): SchemaJson => (format.kind === 'text' ? textSchema : format.schema)

/** `base` with `added`: the same name is replaced in its place. */
export function joinSchemas(base: SchemaJson, added: SchemaJson): SchemaJson {
  const named = new Map(added.map(field => [field[0], field]))
  const known = new Set(base.map(([name]) => name))
  return [...base.map(field => named.get(field[0]) ?? field), ...added.filter(([name]) => !known.has(name))]
}

export const columnOf = (schema: SchemaJson, name: string): FieldJson | undefined => schema.find(f => f[0] === name)
export const isRequired = (field: FieldJson): boolean => field[2]?.required === true

/** The main output of a node whose inputs have these schemas; of a sink, what it gets. */
export function schemaAfter(node: Unschemed, inputs: readonly SchemaJson[]): SchemaJson {
  const [first = []] = inputs
  switch (node.kind) {
    case 'source':
      return formatSchema(node.connector.format)
    case 'python':
      return joinSchemas(first, node.fn.outputs)
    case 'select':
      return node.columns.flatMap(({ from, to }) => {
        const field = columnOf(first, from)
        return field === undefined ? [] : [renamed(field, to)]
      })
    case 'union':
      return first.map(field =>
        inputs.every(s => isRequired(columnOf(s, field[0]) ?? field)) ? field : nullable(field),
      )
    default:
      return first
  }
}

const renamed = (field: FieldJson, name: string): FieldJson =>
  field.length === 2 ? [name, field[1]] : [name, field[1], field[2]]

function nullable(field: FieldJson): FieldJson {
  const value = field[2]?.default
  return value === undefined ? [field[0], field[1]] : [field[0], field[1], { default: value }]
}

/** The schema of an edge: of a node's main output, or exactly what a side output declares. */
export function edgeSchema(node: PlanNode, output: string | undefined): SchemaJson {
  if (output !== undefined) return node.kind === 'python' ? (node.fn.side[output] ?? []) : []
  return node.kind === 'sink' ? [] : node.schema
}
