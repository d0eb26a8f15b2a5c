/**
 * Evolved state: what a call is granted with, in the columns that the new code declares, by the rules of a start. Lists and
 * maps go as they are.
 */
import { PlanError } from '../../base/index.js'
import { type Batch, type Memory, bitAt, columnOf, concat, take } from '../../batch/index.js'
import { type StageVertex } from '../../plan/index.js'
import { type Schema, fieldNamed, schemaFromJson, schemaToJson } from '../../schema/index.js'
import { type Gathered, type StateForm, aliasesOf, declaredState, planEvolution } from '../../state/index.js'
import { type StateSource } from '../flow/index.js'

/** From the values that the running code declares to those of the new one. */
export interface ValuesChange {
  /** Values as the running code has them, to the columns of the new one. */
  evolve(state: Batch): Batch
  /** A key that has no state, one row. */
  readonly ofNewKey: Batch
  readonly added: readonly string[]
  readonly gone: readonly string[]
}

/** By operator of the stage; one whose state is declared as before is not there. */
export type StateChange = ReadonlyMap<number, ValuesChange>

/** @throws StateError ANB6016 where a start would refuse it; PlanError ANB1027 where lists or maps are others */
export function stateChange(running: StageVertex, next: StageVertex): StateChange {
  return new Map(
    next.operators.flatMap(({ id, fn }, i) => {
      const [from, to] = [running.operators[i]?.fn.state ?? [], fn.state].map(schemaFromJson)
      if (!fn.keyed || from === undefined || to === undefined || textOf(from) === textOf(to)) return []
      return [[i, changeOf(id, from, to)] as const]
    }),
  )
}

const textOf = (schema: Schema): string => JSON.stringify(schemaToJson(schema))

function changeOf(operator: string, from: Schema, to: Schema): ValuesChange {
  const { values: before, ...keptBefore } = declaredState(from)
  const { values: after, ...keptAfter } = declaredState(to)
  if (JSON.stringify(keptBefore) !== JSON.stringify(keptAfter)) {
    throw new PlanError('ANB1027', `operator "${operator}" declares other lists or maps than the running code`, {
      hint: 'a shadow compares state of the same lists and maps; its values may change',
    })
  }
  const aliases = aliasesOf(after)
  const formOf = (state: Schema): StateForm => ({ key: { fields: [] }, keyGroups: 1, nullKeys: false, state })
  const evolve = planEvolution(operator, formOf(before), formOf(after), aliases)
  const sources = after.fields.map(({ name }) => (fieldNamed(before, name) === undefined ? aliases[name] : name))
  return {
    // An evolution knows columns by the fields that it was planned with.
    evolve: state => ({ ...evolve({ state: { ...state, schema: before } }).state, schema: after }),
    ofNewKey: {
      schema: after,
      rows: 1,
      columns: after.fields.map(({ type, default: value }) => columnOf(type, [value ?? null])),
    },
    added: after.fields.flatMap(({ name }, i) => (isOf(before, sources[i]) ? [] : [name])),
    gone: before.fields.flatMap(({ name }) => (sources.includes(name) ? [] : [name])),
  }
}

const isOf = (schema: Schema, name: string | undefined): boolean =>
  name !== undefined && fieldNamed(schema, name) !== undefined

export class EvolvedState implements StateSource {
  constructor(
    private readonly held: StateSource,
    private readonly change: StateChange,
  ) {}

  get keySchema(): StateSource['keySchema'] {
    return this.held.keySchema
  }

  get collections(): StateSource['collections'] {
    return this.held.collections
  }

  keysOf(slots: Int32Array): Batch {
    return this.held.keysOf(slots)
  }

  gather(operator: number, uniq: Int32Array, memory?: Memory, reads?: boolean): Gathered {
    const held = this.held.gather(operator, uniq, memory, reads)
    const change = this.change.get(operator)
    if (change === undefined) return held
    return { ...held, state: withNewKeys(change.evolve(held.state), held.isNew, change.ofNewKey) }
  }
}

/** A key without state begins with the defaults that the new code declares. */
function withNewKeys(state: Batch, isNew: Uint8Array, ofNewKey: Batch): Batch {
  if (isNew.every(byte => byte === 0)) return state
  const rows = Int32Array.from({ length: state.rows }, (_, i) => (bitAt(isNew, i) === 1 ? state.rows : i))
  return take(concat([state, ofNewKey]), rows)
}
