/**
 * Given: what a job file passes where a source, a sink or a format belongs. TypeScript refuses the wrong ones, but a job
 * also runs without `tsc`: then they are faults of the plan, with the line that is meant, and never a crash of ours.
 */
import { kindOf } from '../base/index.js'
import { type Sink, type Source, type WrongOption } from './connectors.js'
import { type Format, type SinkFormat } from './formats.js'
import { type FunctionLike, decoratorOf, isFunctionLike, methods, pathBeside } from './functions.js'
import { type FormatNode } from './nodes.js'
import { type Columns } from './types.js'

/** The argument of `.from`; a stand-in that carries its fault where it is no source. */
export function givenSource(value: unknown): Source<Columns> {
  if (isSource(value)) return value
  const message = `.from takes a source, but got ${kindOf(value)}`
  const hint = 'write .from(files("input/*.jsonl", json(features.Click)))'
  return { source: { kind: 'files', glob: '', format: standIn }, wrong: [{ message, hint }] }
}

/** The argument of `.to`; a stand-in that carries its fault where it is no sink. */
export function givenSink(value: unknown): Sink {
  if (isSink(value)) return value
  if (isFunctionLike(value)) return functionSink(value)
  const message = `.to takes a sink, but got ${kindOf(value)}`
  return {
    sink: { kind: 'null', checksum: null },
    wrong: [{ message, hint: 'write .to(files.sink("name/", json()))' }],
  }
}

/** A `@sink` of a types file. */
function functionSink(fn: FunctionLike): Sink {
  const { name, kind, inputs, timeoutMs, declared, from } = fn
  const sink = { kind: 'python', module: pathBeside(from.types, from.path), name, inputs, timeoutMs, declared } as const
  if (kind === 'sink') return { sink, wrong: [], from }
  const decorator = decoratorOf(fn)
  const message = `"${name}" is a @${decorator}, which .${methods[decorator]} takes, not .to`
  return {
    sink,
    wrong: [{ message, hint: 'write .to(features.push), with a function that is decorated with @ab.sink' }],
  }
}

interface Given<T> {
  readonly node: T
  readonly wrong: readonly WrongOption[]
}

/** A format for reading, as `call` (`files(...)`, `socket(...)`) needs one. */
export function givenFormat(call: string, value: unknown): Given<FormatNode> {
  if (isFormat(value)) return { node: value.format, wrong: [] }
  const fault = isSinkFormat(value)
    ? {
        message: `${call} needs a schema to read ${value.write.kind}, but got none`,
        hint: `write ${value.write.kind}(features.Click), with a schema that the types file has`,
      }
    : { message: `${call} needs a format, but got ${kindOf(value)}`, hint: 'write json(features.Click)' }
  return { node: standIn, wrong: [fault] }
}

/** A format for writing. */
export function givenWrite(value: unknown): Given<SinkFormat['write']> {
  if (isSinkFormat(value)) return { node: value.write, wrong: [] }
  const fault = isFormat(value)
    ? {
        message: `files.sink(...) writes the columns that the stream has, but got ${value.format.kind} with a schema`,
        hint: `write ${value.format.kind}() without a schema`,
      }
    : { message: `files.sink(...) needs a format, but got ${kindOf(value)}`, hint: 'write files.sink("name/", json())' }
  return { node: { kind: 'json' }, wrong: [fault] }
}

/** The folder of a sink. */
export const givenPath = (value: unknown): readonly WrongOption[] =>
  typeof value === 'string'
    ? []
    : [{ message: `files.sink(...) needs a path, but got ${kindOf(value)}`, hint: 'write files.sink("name/", json())' }]

const standIn: FormatNode = { kind: 'text' }

const has = (value: unknown, ...names: readonly string[]): value is object =>
  typeof value === 'object' && value !== null && names.every(name => name in value)

const isSource = (value: unknown): value is Source<Columns> => has(value, 'source', 'wrong')
const isSink = (value: unknown): value is Sink => has(value, 'sink', 'wrong')
const isFormat = (value: unknown): value is Format<Columns> => has(value, 'format')
const isSinkFormat = (value: unknown): value is SinkFormat => has(value, 'write')
