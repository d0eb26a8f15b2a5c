/**
 * Functions and schemas as a types file (`transforms.anabranch.ts`) and people write them: plain data, so that
 * importing one starts nothing.
 */
import { type FieldJson, type SchemaJson } from '../schema/index.js'
import { type FunctionRef, type MigrationRef } from './nodes.js'

/** `[['user', 'utf8'], ['price', 'float64']]`, as types files have it, or `{ user: 'utf8', price: 'float64' }`. */
export type SchemaLike = SchemaJson | Readonly<Record<string, string>>

/** The module that functions come from. */
export interface ModuleLike {
  /** The Python file, relative to the types file. */
  readonly path: string
  /** `import.meta.url` of the types file. */
  readonly types: string
  /** SHA-256 of the Python file when the types file was written, hex. */
  readonly source: string
  /** Where there are some. */
  readonly migrations?: readonly MigrationRef[]
}

/** A Python function as data. */
export interface FunctionLike extends Omit<FunctionRef, 'module' | 'kind'> {
  readonly kind: FunctionRef['kind'] | 'sink'
  readonly from: ModuleLike
}

/** As the types file calls what Python calls `running_score`: `runningScore`; a leading underscore stays. */
export function camelCase(name: string): string {
  return name
    .replace(/(?<=[^_])_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
    .replace(/(?<=[^_])_+$/, '')
}

/** The method of a stream that takes a function of this kind. */
export const methods = {
  transform: 'apply',
  keyed: 'apply',
  filter: 'filter',
  flat_map: 'flatMap',
  sink: 'to',
} as const

/** As its decorator is called. */
export const decoratorOf = ({ keyed, kind }: Pick<FunctionLike, 'keyed' | 'kind'>): keyof typeof methods =>
  keyed ? 'keyed' : kind

export const schemaJsonOf = (schema: SchemaLike): SchemaJson =>
  isFields(schema) ? schema : Object.entries(schema).map(([name, type]) => [name, String(type)])

const isFields = (schema: SchemaLike): schema is readonly FieldJson[] => Array.isArray(schema)

/** True for what has the shape of a function of a types file; plain JavaScript may pass anything. */
export function isFunctionLike(value: unknown): value is FunctionLike {
  if (typeof value !== 'object' || value === null) return false
  const has = (name: string, type: string): boolean => typeof Reflect.get(value, name) === type
  return (
    has('name', 'string') &&
    has('kind', 'string') &&
    has('keyed', 'boolean') &&
    has('side', 'object') &&
    has('from', 'object') &&
    ['inputs', 'outputs', 'state'].every(name => Array.isArray(Reflect.get(value, name)))
  )
}

/** Absolute path of a file beside another one that is given as a `file:` URL. */
export function pathBeside(url: string, relative: string): string {
  return decodeURIComponent(new URL(relative.split('/').map(encodeURIComponent).join('/'), url).pathname)
}
