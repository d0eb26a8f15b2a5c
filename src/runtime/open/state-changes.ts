/**
 * State changes: whether the state of a running job becomes that of new code while it stays in memory, or whether the job has to
 * begin again behind its last epoch, as a start with that code would: where a migration is declared for it, where lists, maps or
 * times of expiry change or go, and where it may be larger than memory.
 */
import { type StageOperator, type Topology } from '../../plan/index.js'
import { type Schema, schemaFromJson, schemaToJson } from '../../schema/index.js'
import {
  type StateForm,
  aliasesOf,
  declaredState,
  goesOnInPlace,
  planEvolution,
  storedValues,
} from '../../state/index.js'
import { type Code } from './codes.js'
import { type Migration, isStored, migrationsOf } from './migrating.js'
import { declaredValues } from './restore-state.js'

/** @throws StateError ANB6016 where the values of an operator can neither evolve nor have a migration */
export function beginsAnew(running: Code, next: Code, staysInMemory: boolean): boolean {
  const before = keyedOf(running.topology)
  const migrations = migrationsOf(next.plan, declaredValues(next.topology))
  const changes = [...keyedOf(next.topology)].map(([id, to]) => {
    const from = before.get(id)
    if (from === undefined || !next.operators.has(id) || textOf(from) === textOf(to)) return false
    return isMigrated(migrations, id, from) || !(staysInMemory && goesOnInPlace(from, to))
      ? evolves(migrations, id, from, to)
      : false
  })
  return changes.includes(true)
}

const keyedOf = ({ vertices }: Topology): ReadonlyMap<string, Schema> =>
  new Map(
    vertices
      .flatMap((vertex): readonly StageOperator[] => (vertex.kind === 'stage' ? vertex.operators : []))
      .flatMap(({ id, fn }) => (fn.keyed ? [[id, schemaFromJson(fn.state)] as const] : [])),
  )

const textOf = (schema: Schema): string => JSON.stringify(schemaToJson(schema))
const valuesOf = (schema: Schema): Schema => declaredState(schema).values

const isMigrated = (migrations: readonly Migration[], id: string, from: Schema): boolean =>
  migrations.some(each => each.operator === id && isStored(each, storedValues(valuesOf(from))))

/** What a start refuses is refused before the job is disturbed. */
function evolves(migrations: readonly Migration[], id: string, from: Schema, to: Schema): true {
  if (isMigrated(migrations, id, from)) return true
  const formOf = (schema: Schema): StateForm => {
    return { key: { fields: [] }, keyGroups: 1, nullKeys: false, state: storedValues(valuesOf(schema)) }
  }
  planEvolution(id, formOf(from), formOf(to), aliasesOf(valuesOf(to)))
  return true
}
