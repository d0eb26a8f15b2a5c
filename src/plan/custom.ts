/**
 * Sources, sinks and formats of the user's own, as data: the module and the export that makes one, and what it is told. The plan
 * stays JSON; the module is imported when the job runs.
 */
import { type Sink, type Source } from './connectors.js'
import { type Format, type SinkFormat } from './formats.js'
import { type SchemaLike, pathBeside, schemaJsonOf } from './functions.js'
import { type ParamValue } from './nodes.js'
import { type ColumnsOf } from './types.js'

export interface CustomSourceOptions<S extends SchemaLike> {
  /** The columns that it gives. */
  readonly schema: S
  /** Whether it comes to an end by itself; otherwise Ctrl-C ends it. */
  readonly bounded: boolean
  /** Whether it can give the same rows again after a crash: without, `plan` says at most once. */
  readonly replayable: boolean
  /** What the factory is told: plain JSON. */
  readonly options?: ParamValue
}

export interface CustomSinkOptions {
  /**
   * `exactly-once`: rows can be seen only after `finish`, and not after `abort`. `at-least-once`: they may be seen before,
   * so those of a run that failed may come again. The first one is for jobs without epochs (`epoch: 'off'`): a run that goes
   * on after a crash has not the rows from before it.
   */
  readonly delivery: 'exactly-once' | 'at-least-once'
  /** What the factory is told: plain JSON. */
  readonly options?: ParamValue
}

/**
 * A source that `module` (`import.meta.url`, or the `file:` URL of another module) exports as `name`: a `SourceFactory`.
 *
 * ```ts
 * custom.source(import.meta.url, 'clock', { schema: { at: 'int64' }, bounded: false, replayable: false })
 * ```
 */
function source<const S extends SchemaLike>(
  module: string,
  name: string,
  { schema, bounded, replayable, options = null }: CustomSourceOptions<S>,
): Source<ColumnsOf<S>> {
  const format = { kind: 'rows', schema: schemaJsonOf(schema) } as const
  return {
    source: { kind: 'custom', module: pathBeside(module, ''), name, options, format, bounded, replayable },
    wrong: [],
  }
}

/** A sink that `module` exports as `name`: a `SinkFactory`. */
function sink(module: string, name: string, { delivery, options = null }: CustomSinkOptions): Sink {
  return { sink: { kind: 'custom', module: pathBeside(module, ''), name, options, delivery }, wrong: [] }
}

/**
 * A format to read, by the decoder that `module` exports as `name`: a `DecoderFactory`, which is asked for one a file.
 *
 * ```ts
 * files('*.log', custom.decoder(import.meta.url, 'logfmt', { schema: { path: 'utf8' } }))
 * ```
 */
function decoder<const S extends SchemaLike>(
  module: string,
  name: string,
  { schema, options = null }: { readonly schema: S; readonly options?: ParamValue },
): Format<ColumnsOf<S>> {
  const format = {
    kind: 'custom',
    module: pathBeside(module, ''),
    name,
    options,
    schema: schemaJsonOf(schema),
  } as const
  return { format }
}

/** A format to write, by the encoder that `module` exports as `name`: an `EncoderFactory`. Files end in `.extension`. */
function encoder(
  module: string,
  name: string,
  { extension, options = null }: { readonly extension: string; readonly options?: ParamValue },
): SinkFormat {
  return { write: { kind: 'custom', module: pathBeside(module, ''), name, options, extension } }
}

export const custom: {
  readonly source: typeof source
  readonly sink: typeof sink
  readonly decoder: typeof decoder
  readonly encoder: typeof encoder
} = { source, sink, decoder, encoder }
