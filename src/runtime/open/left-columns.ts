/**
 * Left columns: what is stored of an operator and not declared any more goes with the first epoch, and what is new begins with its
 * default. Where both are so of one operator somebody may have renamed a column, which only an alias says.
 */
import { type Base } from '../../checkpoint/index.js'
import { type Topology } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { storedNames } from '../../state/index.js'
import { type Migrating } from './migrating.js'
import { statesOf } from './restore-state.js'

/** Sentences, for a warning before the first row. */
export function columnsLeft(
  base: Pick<Base, 'operators'>,
  topology: Topology,
  migrating: Pick<Migrating, 'find'>,
): readonly string[] {
  return statesOf(topology).flatMap(({ id, fn }) => {
    const stored = base.operators.filter(({ operator }) => operator === id || operator.startsWith(`${id}/`))
    if (stored.length === 0 || stored.some(({ operator, form }) => migrating.find(operator, form) !== null)) return []
    const words = changeOf(new Set(stored.flatMap(storedNames)), schemaFromJson(fn.state))
    return words === null ? [] : [`operator "${id}": ${words}`]
  })
}

/** Null where nothing is gone, or nothing new. */
function changeOf(stored: ReadonlySet<string>, { fields }: Schema): string | null {
  const kept = new Set(fields.flatMap(({ name, alias = name }) => [name, alias]))
  const gone = [...stored].filter(name => !kept.has(name))
  const added = fields.filter(({ name, alias = name }) => !stored.has(name) && !stored.has(alias))
  const [one] = gone
  const [other] = added
  if (one === undefined || other === undefined) return null
  const [left, begun] = [gone.map(quoted).join(', '), added.map(({ name }) => quoted(name)).join(', ')]
  const alias = `if "${other.name}" is what was "${one}", declare it with .alias("${one}")`
  return `state that is not declared any more goes: ${left}; state that is new begins with its default: ${begun}; ${alias}`
}

const quoted = (name: string): string => `"${name}"`
