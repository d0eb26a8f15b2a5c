/** Lists and maps in the tables of a call and of its reply, as a worker reads and writes them. */
import { type Value, batchFromRows, readIpc, rowsOf } from '../../batch/index.js'
import { schemaIds } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type CollectionSchemas, type DeclaredState, collectionSchemas, declaredState } from '../../state/index.js'
import { type TablePart, Table, bytesPart } from '../../transport/index.js'
import { arrow } from './arrow-part.js'
import { type KeyState, ListCell, MapCell } from './stand-in-kept.js'

export class KeptTables {
  private readonly declared: DeclaredState
  private readonly schemas: CollectionSchemas

  constructor(state: Schema) {
    this.declared = declaredState(state)
    this.schemas = collectionSchemas(this.declared)
  }

  get values(): Schema {
    return this.declared.values
  }

  /** Of k keys, in their order; null: such a table did not come. */
  read(
    keys: number,
    sent: { readonly lists: Uint8Array | null; readonly maps: Uint8Array | null },
  ): readonly Pick<KeyState, 'lists' | 'maps'>[] {
    const { declared, schemas } = this
    const lists = rowsIn(schemas.lists, sent.lists)
    const maps = rowsIn(schemas.maps, sent.maps)
    return Array.from({ length: keys }, (_, j) => ({
      lists: new Map(declared.lists.map(({ name }) => [name, new ListCell(itemsOf(lists[j]?.[name]))])),
      maps: new Map(
        declared.maps.map(({ name }) => [name, new MapCell(new Map(itemsOf(maps[j]?.[name]).map(pairOf)))]),
      ),
    }))
  }

  /** What became of them, and when values that expire were written. */
  parts(operator: number, keys: readonly KeyState[]): readonly TablePart[] {
    const { listsBack, mapsBack } = this.schemas
    const changes = (
      kind: TablePart['kind'],
      id: number,
      schema: Schema,
      changeOf: (key: KeyState) => Row,
    ): TablePart[] =>
      schema.fields.length === 0
        ? []
        : [arrow(kind, id, batchFromRows(schema, keys.map(changeOf)), { operator, output: 0 })]
    return [
      ...changes(Table.list, schemaIds.lists(operator), listsBack, listsChanged),
      ...changes(Table.map, schemaIds.maps(operator), mapsBack, mapsChanged),
      ...this.writtenParts(operator, keys),
    ]
  }

  private writtenParts(operator: number, keys: readonly KeyState[]): readonly TablePart[] {
    return this.values.fields.flatMap(({ name, keep }, i) => {
      const written = keys.map(key => key.written.has(name))
      if (keep?.ttl === undefined || !written.includes(true)) return []
      const of = { kind: Table.written, operator, output: i + 1, schemaId: 0, rows: keys.length }
      return [bytesPart(of, bitsOf(written))]
    })
  }
}

type Row = Record<string, Value>

const rowsIn = (schema: Schema, bytes: Uint8Array | null): readonly Row[] =>
  bytes === null ? [] : rowsOf(readIpc(schema, bytes))

const itemsOf = (value: Value | undefined): readonly Value[] => (Array.isArray(value) ? value : [])

function pairOf(pair: Value): readonly [Value, Value] {
  const [key = null, value = null] = itemsOf(pair)
  return [key, value]
}

const listsChanged = ({ lists }: KeyState): Row =>
  Object.fromEntries(
    [...lists].map(([name, { isCleared, added }]) => [name, { clear: isCleared, entries: [...added] }]),
  )

const mapsChanged = ({ maps }: KeyState): Row =>
  Object.fromEntries(
    [...maps].map(([name, { isCleared, removed, put }]) => [
      name,
      { clear: isCleared, removed: [...removed], entries: [...put].map(pair => [...pair]) },
    ]),
  )

export function bitsOf(flags: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array((flags.length + 7) >> 3)
  flags.forEach((is, j) => {
    if (is) bits[j >> 3] = (bits[j >> 3] ?? 0) | (1 << (j & 7))
  })
  return bits
}
