/** Schemas as data: comparing, and the JSON form that the plan, the types file and the handshake carry. */
import { formatType, parseType } from './text.js'
import { type DataType, type Field, type JsonScalar, type Keep, type Schema } from './types.js'

interface FieldMoreJson {
  readonly required?: boolean
  readonly default?: JsonScalar
  readonly keep?: Keep
  readonly alias?: string
}
/** The JSON form: `[name, type]`, or `[name, type, { required, default, keep, alias }]` where one of them is set. */
export type FieldJson = readonly [string, string] | readonly [string, string, FieldMoreJson]
export type SchemaJson = readonly FieldJson[]

export function schemaToJson(schema: Schema): SchemaJson {
  return schema.fields.map(field => {
    const type = formatType(field.type)
    const more: FieldMoreJson = {
      ...(field.required === true && { required: true }),
      ...(field.default !== undefined && { default: field.default }),
      ...(field.keep !== undefined && { keep: field.keep }),
      ...(field.alias !== undefined && { alias: field.alias }),
    }
    return Object.keys(more).length === 0 ? [field.name, type] : [field.name, type, more]
  })
}

/** Throws a `SyntaxError` where a type cannot be read. */
export function schemaFromJson(json: SchemaJson): Schema {
  return {
    fields: json.map(([name, type, more]) => ({
      name,
      type: parseType(type),
      ...(more?.required === true && { required: true }),
      ...(more?.default !== undefined && { default: more.default }),
      ...(more?.keep !== undefined && { keep: more.keep }),
      ...(more?.alias !== undefined && { alias: more.alias }),
    })),
  }
}

export const sameType = (a: DataType, b: DataType): boolean => formatType(a) === formatType(b)

export const fieldNamed = (schema: Schema, name: string): Field | undefined => schema.fields.find(f => f.name === name)

/** `base` with the columns of `added`: a name that exists is replaced in its place, a new one comes last. */
export function withFields(base: Schema, added: Schema): Schema {
  const fields = base.fields.map(f => fieldNamed(added, f.name) ?? f)
  return { fields: [...fields, ...added.fields.filter(f => fieldNamed(base, f.name) === undefined)] }
}

export const withoutFields = (schema: Schema, names: readonly string[]): Schema =>
  names.length === 0 ? schema : { fields: schema.fields.filter(field => !names.includes(field.name)) }
