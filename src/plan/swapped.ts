/**
 * Swapped: a plan with other functions behind some of its operators. What flows between operators stays as it is, since the rows of
 * a running job are on their way; what they read, keep and do may change.
 */
import { PlanError } from '../base/index.js'
import { fieldNamed, formatType, schemaFromJson } from '../schema/index.js'
import { frozen } from './frozen.js'
import { lint } from './lint.js'
import { type FunctionRef, type Plan } from './nodes.js'
import { stagesOf } from './stages.js'
import { type Vertex } from './topology.js'

/** Whether the rows that functions give have to be what the running job knows, or only what a job may have. */
export type RowsMay = 'stay' | 'change'

/**
 * @param functions by the id of the operator
 * @throws PlanError ANB1027 where a function gives or is something else, or its rows lack a column that it reads
 */
export function withFunctions(
  plan: Plan,
  functions: ReadonlyMap<string, FunctionRef>,
  { modules, rows }: { readonly modules: Plan['modules']; readonly rows: RowsMay },
): Plan {
  const faults = plan.nodes.flatMap(node => {
    const next = functions.get(node.id)
    return node.kind === 'python' && next !== undefined ? differences(node.fn, next, rows) : []
  })
  const [first, ...more] = faults
  if (first !== undefined) throw new PlanError('ANB1027', first, { detail: more.join('\n') })
  const nodes = plan.nodes.map(node => {
    const fn = node.kind === 'python' ? functions.get(node.id) : undefined
    return node.kind === 'python' && fn !== undefined ? { ...node, fn } : node
  })
  const swapped = frozen({ ...plan, nodes, modules })
  const [fault, ...others] = lint(swapped)
  if (fault !== undefined)
    throw new PlanError('ANB1027', fault.message, { detail: others.map(f => f.message).join('\n'), hint: fault.hint })
  if (rows === 'stay') refuseRewired(stagesOf(plan).vertices, stagesOf(swapped).vertices)
  return swapped
}

/** What would change for whoever reads its rows, in words. */
function differences(running: FunctionRef, next: FunctionRef, rows: RowsMay): readonly string[] {
  const name = `transform "${next.name}"`
  const parts: readonly (readonly [string, (fn: FunctionRef) => unknown])[] = [
    ['kind', fn => [fn.kind, fn.keyed]],
    ['side outputs', fn => fn.side],
    ['call at the end', fn => fn.atEnd],
    ['order of batches', fn => fn.unordered === true],
    ['contract', fn => fn.check ?? null],
  ]
  const others = parts
    .filter(([, of]) => JSON.stringify(of(running)) !== JSON.stringify(of(next)))
    .map(([what]) => `${name} has another ${what} than in the running job`)
  return rows === 'change' ? others : [...outputDifferences(name, running, next), ...others]
}

function outputDifferences(name: string, running: FunctionRef, next: FunctionRef): readonly string[] {
  const [from, to] = [schemaFromJson(running.outputs), schemaFromJson(next.outputs)]
  if (JSON.stringify(running.outputs) === JSON.stringify(next.outputs)) return []
  const gone = from.fields.filter(f => fieldNamed(to, f.name) === undefined).map(f => `lacks output column "${f.name}"`)
  const other = to.fields.flatMap(field => {
    const before = fieldNamed(from, field.name)
    if (before === undefined) return [`has output column "${field.name}", which the running job does not know`]
    const [was, is] = [formatType(before.type), formatType(field.type)]
    return was === is ? [] : [`has output column "${field.name}" as ${is}, the running job as ${was}`]
  })
  const found = [...gone, ...other]
  return (found.length > 0 ? found : ['declares its output columns in another way']).map(what => `${name} ${what}`)
}

/** Calls hold the operators that they held, and tables give the columns only that somebody needed when they were opened. */
function refuseRewired(before: readonly Vertex[], vertices: readonly Vertex[]): void {
  for (const vertex of vertices) {
    const known = before.find(v => v.id === vertex.id)
    if (known === undefined)
      throw new PlanError('ANB1027', `operators "${vertex.id}" would be called in other groups from now on`, {
        hint: 'a map whose entries a column of the same call names: stop the job, and start it with the new code',
      })
    if (vertex.kind !== 'source' || known?.kind !== 'source') continue
    const more = vertex.schema.fields.find(f => fieldNamed(known.schema, f.name) === undefined)
    if (more === undefined && known.schema.fields.length === vertex.schema.fields.length) continue
    const what = more === undefined ? 'fewer columns' : `column "${more.name}"`
    throw new PlanError('ANB1027', `source "${vertex.id}" would have to be read with ${what} from now on`)
  }
}
