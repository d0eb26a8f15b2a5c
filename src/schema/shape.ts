/** Reading the JSON form of a schema that somebody else wrote. Types are read later, where a fault can name the column. */
import { type Shape, shape } from '../base/index.js'
import { type FieldJson, type SchemaJson } from './schema.js'
import { type Keep, type Ttl } from './types.js'

const fieldShape: Shape<FieldJson> = (value, path) => {
  const field = shape.list(shape.any, 3)(value, path)
  const name = shape.string(field[0], `${path}[0]`)
  const type = shape.string(field[1], `${path}[1]`)
  return field.length === 2 ? [name, type] : [name, type, moreOf(field[2], `${path}[2]`)]
}

function moreOf(value: unknown, path: string): NonNullable<FieldJson[2]> {
  const { required, default: standard, keep, alias, ...others } = shape.record(value, path)
  const [odd] = Object.keys(others)
  if (odd !== undefined) shape.none(odd, path)
  return {
    ...(required !== undefined && { required: shape.boolean(required, `${path}.required`) }),
    ...(standard !== undefined && { default: shape.scalar(standard, `${path}.default`) }),
    ...(keep !== undefined && { keep: keepOf(keep, `${path}.keep`) }),
    ...(alias !== undefined && { alias: shape.string(alias, `${path}.alias`) }),
  }
}

const keepShape = shape.union('as', {
  value: shape.object({ as: shape.oneOf('value') }),
  list: shape.object({ as: shape.oneOf('list'), reads: shape.boolean }),
  map: shape.object({ as: shape.oneOf('map'), entries: shape.string }),
})
const ttlShape: Shape<Ttl> = shape.object({
  ms: shape.whole,
  update: shape.oneOf('on_create_and_write', 'on_read_and_write'),
  visibility: shape.oneOf('never_return_expired', 'return_expired_if_not_cleaned_up'),
})

function keepOf(value: unknown, path: string): Keep {
  const { ttl, ...as } = shape.record(value, path)
  const keep = keepShape(as, path)
  return ttl === undefined ? keep : { ...keep, ttl: ttlShape(ttl, `${path}.ttl`) }
}

export const schemaShape: Shape<SchemaJson> = shape.list(fieldShape)
