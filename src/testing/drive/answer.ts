/**
 * What a stand-in answered, held against what its function declares: the same demands, codes and words as those that
 * Python's side makes of a transform, so that a job that passes with stand-ins does not fail on its columns.
 */
import { ContractError } from '../../base/index.js'
import { type Value, columnOf, valueAt } from '../../batch/index.js'
import { type Field, type Schema, formatType } from '../../schema/index.js'

export type Cells = Readonly<Record<string, Value>>

/** A row of exactly these columns, its values as a batch would give them back. */
export function checkedRow(
  schema: Schema,
  given: unknown,
  who: { readonly transform: string; readonly what: string },
): Cells {
  const { transform, what } = who
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ContractError(
      'ANB2103',
      `transform "${transform}" returned ${kindOf(given)}, expected an object of ${what}s`,
    )
  const names = schema.fields.map(field => field.name)
  const came = Object.keys(given)
  if (came.length !== names.length || !names.every(name => Object.hasOwn(given, name)))
    throw new ContractError(
      'ANB2101',
      `transform "${transform}" returned ${what}s ${quoted(came)} for a row, expected exactly ${quoted(names)}`,
    )
  return Object.fromEntries(
    schema.fields.map(field => {
      const value: unknown = Reflect.get(given, field.name)
      return [field.name, checkedValue(field, value, who)] as const
    }),
  )
}

function checkedValue(
  field: Field,
  given: unknown,
  { transform, what }: { readonly transform: string; readonly what: string },
): Value {
  const value = given === undefined ? null : given
  if (value === null && field.required === true)
    throw new ContractError(
      'ANB2105',
      `transform "${transform}" returned a null in ${what} "${field.name}", which is required`,
    )
  const converted = isValue(value) ? convert(field, value) : undefined
  if (converted === undefined)
    throw new ContractError(
      'ANB2104',
      `transform "${transform}" returned ${what} "${field.name}" as ${kindOf(value)}, but declares ${formatType(field.type)}`,
    )
  return converted
}

/** The value as a column of the type holds it; undefined where it does not fit. */
export function convert(field: Field, value: Value): Value | undefined {
  try {
    return valueAt(columnOf(field.type, [value]), 0)
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return undefined
    throw error
  }
}

export function isValue(value: unknown): value is Value {
  if (value === null || ['boolean', 'number', 'bigint', 'string'].includes(typeof value)) return true
  if (typeof value !== 'object') return false
  return value instanceof Uint8Array || Object.values(value).every(isValue)
}

export const quoted = (names: readonly string[]): string =>
  names.length === 0 ? 'none' : names.map(name => `"${name}"`).join(', ')

export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object'
  return `the ${typeof value} ${String(value)}`
}
