/** Shapes: reading JSON that somebody else wrote. A shape answers the value, typed, or throws where it differs. */

/** Where and what was expected; rooms that face users make an error of it. */
export class ShapeError extends Error {
  constructor(
    readonly path: string,
    readonly expected: string,
  ) {
    super(`${path === '' ? 'the whole' : path} must be ${expected}`)
  }
}
/** `path` is where the value stands: `nodes[3].fn.kind`. */
export type Shape<T> = (value: unknown, path: string) => T

const refuse = (path: string, expected: string): never => {
  throw new ShapeError(path, expected)
}

/** A property that is not known: refused, since it would be lost without a word. */
export const none = (name: string, path: string): never => refuse(path, `without "${name}"`)

export const string: Shape<string> = (value, path) => (typeof value === 'string' ? value : refuse(path, 'a text'))
export const boolean: Shape<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(path, 'true or false')
export const whole: Shape<number> = (value, path) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(path, 'a whole number, 0 or more')

export const number: Shape<number> = (value, path) =>
  typeof value === 'number' && Number.isFinite(value) ? value : refuse(path, 'a number')

/** Anything: read further by whoever asked. */
export const any: Shape<unknown> = value => value

export const scalar: Shape<string | number | boolean | null> = (value, path) =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : refuse(path, 'a text, a number, true, false or null')

export const nullOr =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value, path) =>
    value === null ? null : shape(value, path)

export const oneOf =
  <const T extends readonly (string | number)[]>(...allowed: T): Shape<T[number]> =>
  (value, path) =>
    allowed.find(one => one === value) ?? refuse(path, `one of ${allowed.map(one => JSON.stringify(one)).join(', ')}`)

/** At most `most` items: nobody writes a plan of millions of nodes. */
export const list =
  <T>(shape: Shape<T>, most = 10_000): Shape<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) return refuse(path, 'a list')
    if (value.length > most) return refuse(path, `a list of at most ${most}`)
    return value.map((item, index) => shape(item, `${path}[${index}]`))
  }

type Shaped<F> = { readonly [K in keyof F]: F[K] extends Shape<infer T> ? T : never }

/** Exactly these properties. */
export const object =
  <const F extends Readonly<Record<string, Shape<unknown>>>>(fields: F): Shape<Shaped<F>> =>
  (value, path) => {
    const given = record(value, path)
    const unknown = Object.keys(given).find(name => !Object.hasOwn(fields, name))
    if (unknown !== undefined) none(unknown, path)
    const read = Object.entries(fields).map(([name, shape]) => [name, shape(given[name], join(path, name))])
    return Object.fromEntries(read) as Shaped<F>
  }

/** Any names, all values of one shape. */
export const map =
  <T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  (value, path) =>
    Object.fromEntries(
      Object.entries(record(value, path)).map(([name, inner]) => [name, shape(inner, join(path, name))]),
    )

/** The shape that the property `tag` names. */
export const union =
  <const S extends Readonly<Record<string, Shape<unknown>>>>(tag: string, shapes: S): Shape<Shaped<S>[keyof S]> =>
  (value, path) => {
    const kind = record(value, path)[tag]
    const shape = typeof kind === 'string' && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined
    if (shape === undefined) return refuse(join(path, tag), `one of ${Object.keys(shapes).join(', ')}`)
    return shape(value, path) as Shaped<S>[keyof S]
  }

export const record = (value: unknown, path: string): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : refuse(path, 'an object')

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** Plain JSON of any form, nested at most 32 deep. */
export const anyJson =
  (depth = 32): Shape<JsonValue> =>
  (value, path) => {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    if (depth === 0) return refuse(path, 'nested less deeply')
    if (Array.isArray(value)) return list(anyJson(depth - 1), 1_000_000)(value, path)
    return map(anyJson(depth - 1))(value, path)
  }
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue }
