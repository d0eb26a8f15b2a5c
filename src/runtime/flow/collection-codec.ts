/** Lists and maps of the operators of a stage as tables LIST and MAP of a call, and what a reply says of them. */
import { type AnabranchError, ProtocolError } from '../../base/index.js'
import {
  type Batch,
  type Column,
  type IpcTemplate,
  type Loan,
  type Memory,
  ipcSize,
  ipcTemplate,
  readIpc,
  writeIpc,
} from '../../batch/index.js'
import { schemaIds } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import {
  type CollectionChanges,
  type CollectionSchemas,
  type Collections,
  type DeclaredState,
  type NamingRows,
  collectionSchemas,
} from '../../state/index.js'
import { Table, type TableKind, type TablePart, type TableView } from '../../transport/index.js'

interface Sent {
  readonly kind: TableKind
  readonly schemaId: number
  readonly template: IpcTemplate
}

export class CollectionCodec {
  private readonly schemas: CollectionSchemas
  /** null where the transform reads none. */
  private readonly lists: Sent | null
  private readonly maps: Sent | null

  constructor(
    private readonly operator: number,
    declared: DeclaredState,
  ) {
    this.schemas = collectionSchemas(declared)
    const sent = (kind: TableKind, schemaId: number, schema: Schema): Sent | null =>
      schema.fields.length === 0 ? null : { kind, schemaId, template: ipcTemplate(schema) }
    this.lists = sent(Table.list, schemaIds.lists(operator), this.schemas.lists)
    this.maps = sent(Table.map, schemaIds.maps(operator), this.schemas.maps)
  }

  /** null where the operator keeps values only. */
  static of(operator: number, declared: DeclaredState): CollectionCodec | null {
    return declared.lists.length + declared.maps.length === 0 ? null : new CollectionCodec(operator, declared)
  }

  /** Tables of a call about these keys; `rows` null: one over whole keys. */
  parts(
    collections: Collections,
    uniq: Int32Array,
    rows: NamingRows | null,
    memory: Memory,
  ): { readonly parts: readonly TablePart[]; readonly batches: readonly Batch[]; readonly loan: Loan | undefined } {
    const { lists, maps, loan } = collections.gather(uniq, rows, memory)
    const parts = [...this.part(this.lists, lists), ...this.part(this.maps, maps)]
    return { parts, batches: [lists, maps], loan }
  }

  private part(sent: Sent | null, batch: Batch): readonly TablePart[] {
    if (sent === null) return []
    const { kind, schemaId, template } = sent
    return [
      {
        kind,
        operator: this.operator,
        output: 0,
        schemaId,
        rows: batch.rows,
        bytes: ipcSize(template, batch),
        write: (to, at) => {
          writeIpc(template, batch, to, at)
        },
      },
    ]
  }

  expects({ kind, schemaId }: TableView): boolean {
    return kind === Table.list
      ? this.schemas.listsBack.fields.length > 0 && schemaId === schemaIds.lists(this.operator)
      : this.schemas.mapsBack.fields.length > 0 && schemaId === schemaIds.maps(this.operator)
  }

  /** What a reply about so many keys says; a ProtocolError where it does not fit. */
  changes(tables: readonly TableView[], keys: number): CollectionChanges {
    const read = (kind: TableKind, schema: Schema): Batch | null => {
      const found = tables.find(t => t.kind === kind && t.operator === this.operator)
      if (found === undefined) return null
      const batch = readIpc(schema, found.bytes, { rowsMax: 2 ** 31 - 1 })
      if (batch.rows !== keys) throw refused(`changes of ${keys} keys`, `${batch.rows}`)
      for (const column of batch.columns) checkChange(column)
      return batch
    }
    return { lists: read(Table.list, this.schemas.listsBack), maps: read(Table.map, this.schemas.mapsBack) }
  }
}

/** What says which entries are meant, and how many, is never null. */
function checkChange({ nullCount, children }: Column): void {
  const [, ...named] = children
  const keys = children.length === 3 ? (children[1]?.children ?? []) : []
  if (nullCount + [...children.slice(0, 1), ...named, ...keys].reduce((sum, c) => sum + c.nullCount, 0) > 0)
    throw refused('changes without nulls', 'some')
}

const refused = (expected: string, got: string): AnabranchError =>
  new ProtocolError('ANB5001', `expected ${expected} in a reply, got ${got}`)
