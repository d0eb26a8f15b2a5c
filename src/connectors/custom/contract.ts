/**
 * What somebody implements who brings a source or a sink of their own: a function that makes one, exported by a module
 * that the job names with `custom.source(...)` or `custom.sink(...)`. Every implementation is held to its contract while
 * it runs (`own-source.ts`, `own-sink.ts`), and `sourceCases` and `sinkCases` of `anabranch/testing` try all of it.
 */
import { type Batch, type Value } from '../../batch/index.js'
import { type Clock } from '../../base/index.js'
import { type Decoder, type Encoder, type MarkedDecoder } from '../../formats/index.js'
import { type Schema } from '../../schema/index.js'
import { type OwnSinkLife, type Source } from '../contract.js'

export type Row = Readonly<Record<string, Value | undefined>>

/** What a factory is told. It must open nothing yet: that is for `open`. */
export interface ConnectorContext {
  /** As the job gave them: plain JSON, which nobody has checked. */
  readonly options: unknown
  /** Of a source the columns that it declares; of a sink those that come. */
  readonly schema: Schema
  /** Absolute folder of the job file. */
  readonly folder: string
  /** Absolute output folder of the run. */
  readonly out: string
  /** The time; what waits asks this clock, so that a test can move it by hand. */
  readonly clock: Clock
  /** A line in the log of the run. */
  readonly log: (message: string) => void
  /** Rows as a batch of the schema: int64, timestamps and durations are bigints, a name that is missing is null. */
  readonly batch: (rows: readonly Row[]) => Batch
  /** The rows of a batch, one object each: handy, and not for millions of them a second. */
  readonly rows: (batch: Batch) => readonly Row[]
}

/**
 * Makes a source. It is called once a run, before anything is opened. One that declares `replayable: true` says in every
 * poll where to go on behind it (`next`, plain JSON), and its `open` goes on at such a place when it is given one: with
 * exactly the rows that would have come next. That is what lets a run that died be taken up without a row lost or doubled.
 */
export type SourceFactory = (context: ConnectorContext) => Source
/** Makes a sink. It is called once a run, before anything is opened. */
export type SinkFactory = (context: ConnectorContext) => OwnSinkLife
/**
 * Makes a decoder. It is called once for each file or connection. A run that goes on in a file reads it from its beginning,
 * unless the decoder has `mark` and `resume`.
 */
export type DecoderFactory = (context: ConnectorContext) => Decoder | MarkedDecoder
/** Makes an encoder. It is called once a run; `head` begins every file. */
export type EncoderFactory = (context: ConnectorContext) => Encoder
