/**
 * The state of one operator as a stand-in gets and gives it: values as they are, a list as an array and a map as pairs. Of a
 * list that its function does not read the stand-in gets none of, and gives what is appended; every other one is given whole.
 */
import { type Value, batchFromRows, readIpc, rowsOf } from '../../batch/index.js'
import { schemaIds } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type CollectionSchemas, type DeclaredState, collectionSchemas, declaredState } from '../../state/index.js'
import { Table, type TablePart, bytesPart } from '../../transport/index.js'
import { arrow } from '../simulation/arrow-part.js'
import { type Given, given } from '../simulation/call.js'
import { type Cells } from './answer.js'

const noCells: Cells = {}

export class StateTables {
  private readonly declared: DeclaredState
  private readonly schemas: CollectionSchemas

  constructor(
    private readonly operator: number,
    state: Schema,
  ) {
    this.declared = declaredState(state)
    this.schemas = collectionSchemas(this.declared)
  }

  /** The state of the call's keys; null where a key is new. */
  read(tables: readonly Given[]): (Cells | null)[] {
    const { operator, schemas } = this
    const fresh = given(tables, Table.isNew, operator).bytes
    const sent = (kind: TablePart['kind'], schema: Schema): readonly Cells[] => {
      const found = tables.find(table => table.kind === kind && table.operator === operator)
      return found === undefined ? [] : rowsOf(readIpc(schema, found.bytes))
    }
    const lists = sent(Table.list, schemas.lists)
    const maps = sent(Table.map, schemas.maps)
    const appended = Object.fromEntries(this.declared.lists.map(({ name }) => [name, []]))
    return sent(Table.state, this.declared.values).map((values, key) =>
      bit(fresh, key) ? null : { ...values, ...appended, ...lists[key], ...maps[key] },
    )
  }

  /** What the keys have now; null is cleared. */
  parts(before: readonly (Cells | null)[], after: readonly (Cells | null)[]): readonly TablePart[] {
    const { operator, schemas } = this
    const rows = after.map(cells => cells ?? noCells)
    const at = { operator, output: 0 }
    const table = (
      kind: TablePart['kind'],
      id: number,
      schema: Schema,
      some: readonly Cells[],
    ): readonly TablePart[] =>
      schema.fields.length === 0 && kind !== Table.state ? [] : [arrow(kind, id, batchFromRows(schema, some), at)]
    const gone = bits(after, cells => cells === null)
    return [
      ...table(Table.state, schemaIds.state(operator), this.declared.values, rows),
      ...(gone === null ? [] : [bytesPart({ kind: Table.clear, operator, schemaId: 0, rows: after.length }, gone)]),
      ...table(
        Table.list,
        schemaIds.lists(operator),
        schemas.listsBack,
        rows.map(cells => this.lists(cells)),
      ),
      ...table(
        Table.map,
        schemaIds.maps(operator),
        schemas.mapsBack,
        rows.map((cells, i) => this.maps(before[i], cells)),
      ),
      ...this.written(before, after),
    ]
  }

  private lists(cells: Cells): Cells {
    const { lists } = this.declared
    return Object.fromEntries(
      lists.map(({ name, keep }) => [name, { clear: keep.reads && cells !== noCells, entries: cells[name] ?? [] }]),
    )
  }

  private maps(before: Cells | null | undefined, after: Cells): Cells {
    const { maps } = this.declared
    return Object.fromEntries(
      maps.map(({ name }) => {
        const kept = pairsOf(after[name])
        const known = new Set(kept.map(([key]) => String(key)))
        const removed = pairsOf(before?.[name]).flatMap(([key]) => (known.has(String(key)) ? [] : [key]))
        return [name, { clear: false, removed, entries: kept }]
      }),
    )
  }

  private written(before: readonly (Cells | null)[], after: readonly (Cells | null)[]): readonly TablePart[] {
    return this.declared.values.fields.flatMap(({ keep }, i) => {
      const changed = bits(after, (cells, key) => cells !== null && cells !== before[key])
      if (keep?.ttl === undefined || changed === null) return []
      const { operator } = this
      const part = bytesPart({ kind: Table.written, operator, schemaId: 0, rows: after.length }, changed)
      return [{ ...part, output: i + 1 }]
    })
  }
}

const pairsOf = (value: Value | undefined): readonly (readonly [Value, Value])[] =>
  Array.isArray(value)
    ? value.flatMap(pair => (Array.isArray(pair) ? [[pair[0] ?? null, pair[1] ?? null] as const] : []))
    : []

const bit = (bytes: Uint8Array, i: number): boolean => (((bytes[i >> 3] ?? 0) >> (i & 7)) & 1) === 1

/** A bitmap of those that are; null where none is. */
function bits(keys: readonly (Cells | null)[], is: (cells: Cells | null, key: number) => boolean): Uint8Array | null {
  const bytes = new Uint8Array((keys.length + 7) >> 3)
  keys.forEach((cells, key) => {
    if (is(cells, key)) bytes[key >> 3] = (bytes[key >> 3] ?? 0) | (1 << (key & 7))
  })
  return bytes.some(byte => byte > 0) ? bytes : null
}
