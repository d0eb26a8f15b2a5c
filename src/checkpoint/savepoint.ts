/**
 * A savepoint: one epoch as files that stand alone, to be kept, copied and started from.
 *
 *     NAME/savepoint.json          what it is of, with length and SHA-256 of each file; written last
 *     NAME/operators/0.arrow       an Arrow stream for each keyed operator: `key_group`, `key.<column>`, `state.<column>`;
 *                                  rows in the order of their key groups
 *     NAME/code/<sha256>.py        the sources of the modules that ran, as `epoch.code` and `epoch.swapped` name them
 *
 * The folder has its name only when all of it is on the disk. Its paths are relative, so it may be moved.
 */
import { createHash } from 'node:crypto'
import { type Shape, ShapeError, StateError, shape as of } from '../base/index.js'
import { type Field, type Schema, schemaShape } from '../schema/index.js'
import { type StateForm, formFromJson } from '../state/index.js'
import { recordShape } from './record.js'

/** Version 1 did not count keys. */
export const savepointVersion = 2
const knownVersions: readonly unknown[] = [1, savepointVersion]
export const savepointFile = 'savepoint.json'
/** Its folder while it is made. */
export const unfinishedName = (name: string): string => `.${name}.new`
export const isUnfinished = (name: string): boolean => name.startsWith('.') && name.endsWith('.new')
export const codeFolder = 'code'

const { boolean, list, map, number, object, string, whole } = of

const formShape = object({ key: schemaShape, state: schemaShape, keyGroups: whole, nullKeys: boolean })
/** Null where they were not counted. */
const counted: Shape<string | null> = (value, path) => (value === undefined ? null : string(value, path))
const operatorShape = object({
  operator: string,
  form: formShape,
  file: string,
  rows: whole,
  /** The keys of each key group, as records of epochs have them. */
  keys: counted,
  /** Where the record batches of the file begin. */
  batches: list(whole, 1_000_000),
})
const savepointShape = object({
  name: string,
  /** When it was made, milliseconds since 1970. */
  wallMs: number,
  epoch: recordShape,
  operators: list(operatorShape),
  files: map(object({ bytes: whole, sha256: string })),
})

export type Savepoint = ReturnType<typeof savepointShape>
export type SavedOperator = Savepoint['operators'][number]

/** What the file of an operator holds. Prefixes, since a key column may have the name of a state column. */
export const savedSchema = ({ key, state }: StateForm): Schema => ({
  fields: [
    { name: 'key_group', type: { kind: 'int32' }, required: true },
    ...prefixed('key', key),
    ...prefixed('state', state),
  ],
})

const prefixed = (prefix: string, { fields }: Schema): readonly Field[] =>
  fields.map(({ name, type }) => ({ name: `${prefix}.${name}`, type }))

export const formOf = ({ form }: SavedOperator): StateForm => formFromJson(form)

const digestOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** As a person reads it; its digest is that of the value, not of the text. */
export const encodeSavepoint = (savepoint: Savepoint): string =>
  `${JSON.stringify({ format: savepointVersion, sha256: digestOf(savepoint), savepoint }, null, 2)}\n`

/** @throws StateError ANB6030 where a byte of it is not what was written, ANB6031 where a later version wrote it */
export function decodeSavepoint(path: string, text: string): Savepoint {
  const { format, sha256, savepoint } = outerOf(path, text)
  if (typeof format === 'number' && format > savepointVersion) {
    throw new StateError('ANB6031', `savepoint ${path} has format ${format}, this version knows ${savepointVersion}`)
  }
  if (!knownVersions.includes(format) || savepoint === undefined) throw damaged(path, `${savepointFile} lacks a part`)
  if (sha256 !== digestOf(savepoint)) throw damaged(path, `${savepointFile} has another digest than was written`)
  try {
    return savepointShape(savepoint, '')
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause
    throw damaged(path, `in ${savepointFile} ${cause.message}`)
  }
}

function outerOf(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return of.record(JSON.parse(text), '')
  } catch (cause) {
    if (!(cause instanceof ShapeError || cause instanceof SyntaxError)) throw cause
    throw damaged(path, `${savepointFile} is cut short or is no JSON`)
  }
}

export const damaged = (path: string, why: string): StateError =>
  new StateError('ANB6030', `savepoint ${path} is not what was written: ${why}`, { detail: 'Nothing was changed.' })
