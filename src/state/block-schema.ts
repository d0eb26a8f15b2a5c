/**
 * What stands in the blocks of an operator: its key columns and its state columns. The store keeps every form that live
 * blocks have, by id, so that a start with other columns finds out what changed.
 */
import { type Batch, type IpcTemplate, ipcTemplate } from '../batch/index.js'
import { crc32c } from '../kernels/index.js'
import { type Field, type Schema, type SchemaJson, formatType, schemaFromJson, schemaToJson } from '../schema/index.js'

/** JSON, as the store keeps it. */
export interface StateFormJson {
  readonly key: SchemaJson
  readonly state: SchemaJson
  readonly keyGroups: number
  readonly nullKeys: boolean
}

export interface StateForm {
  readonly key: Schema
  readonly state: Schema
  readonly keyGroups: number
  readonly nullKeys: boolean
}

/** The key is that of items of a list or entries of a map, which have keys of their own behind those of their owner. */
export const isOfEntries = (operator: string, { fields }: Schema): boolean =>
  operator.includes('/') && fields.at(-1)?.name === 'entry'

/** Names and types only: defaults and what is required are of the code, not of what is stored. */
const bare = ({ fields }: Schema): Schema => ({ fields: fields.map(({ name, type }) => ({ name, type })) })

export const formToJson = ({ key, state, keyGroups, nullKeys }: StateForm): StateFormJson => ({
  key: schemaToJson(bare(key)),
  state: schemaToJson(bare(state)),
  keyGroups,
  nullKeys,
})

/** The same with defaults and names of before: what a later form is made of, where the code of this one is gone. */
export const declaredToJson = (form: StateForm): StateFormJson => ({
  ...formToJson(form),
  state: schemaToJson(form.state),
})

export const formFromJson = (json: StateFormJson): StateForm => ({
  key: schemaFromJson(json.key),
  state: schemaFromJson(json.state),
  keyGroups: json.keyGroups,
  nullKeys: json.nullKeys,
})

/** CRC32C of the form's text: the same columns have the same id in every run. */
export const formId = (form: StateForm): number => crc32c(new TextEncoder().encode(JSON.stringify(formToJson(form))))

const deleted: Field = { name: 'deleted', type: { kind: 'bool' } }

/** The record batches of blocks. Read by position: a key column may have the name of a state column. */
export const blockTemplate = ({ key, state }: StateForm): IpcTemplate =>
  ipcTemplate({ fields: [deleted, ...bare(key).fields, ...bare(state).fields] })

/** Its parts again. */
export function splitRows(form: StateForm, rows: Batch): { readonly keys: Batch; readonly state: Batch } {
  const first = 1 + form.key.fields.length
  const part = (schema: Schema, from: number, to?: number): Batch => ({
    schema,
    rows: rows.rows,
    columns: rows.columns.slice(from, to),
  })
  return { keys: part(form.key, 1, first), state: part(form.state, first) }
}

/** `user: utf8, n: int64`, for errors. */
export const describeColumns = ({ fields }: Schema): string =>
  fields.map(({ name, type }) => `${name}: ${formatType(type)}`).join(', ')
