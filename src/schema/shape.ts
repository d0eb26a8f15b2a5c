/** Reading the JSON form of a schema that somebody else wrote. Types are read later, where a fault can name the column. */
import { type Shape, shape } from '../base/index.js'
import { type FieldJson, type SchemaJson } from './schema.js'

const fieldShape: Shape<FieldJson> = (value, path) => {
  const field = shape.list(shape.any, 3)(value, path)
  const name = shape.string(field[0], `${path}[0]`)
  const type = shape.string(field[1], `${path}[1]`)
  return field.length === 2 ? [name, type] : [name, type, moreOf(field[2], `${path}[2]`)]
}

function moreOf(value: unknown, path: string): NonNullable<FieldJson[2]> {
  const { required, default: standard, ...others } = shape.record(value, path)
  const [odd] = Object.keys(others)
  if (odd !== undefined) shape.none(odd, path)
  return {
    ...(required !== undefined && { required: shape.boolean(required, `${path}.required`) }),
    ...(standard !== undefined && { default: shape.scalar(standard, `${path}.default`) }),
  }
}

export const schemaShape: Shape<SchemaJson> = shape.list(fieldShape)
