/**
 * The public API: what a job file imports. Nothing else of the package is public, except `anabranch/testing`.
 * Importing it starts nothing and opens nothing.
 */
export {
  type Columns,
  type ColumnsOf,
  type CsvOptions,
  type CustomSinkOptions,
  type CustomSourceOptions,
  type FileSinkOptions,
  type FileSourceOptions,
  type Format,
  type FunctionLike,
  type IdOption,
  type Job,
  type JobLike,
  type JobOptions,
  type KeyOptions,
  type SchemaLike,
  type Sink,
  type SinkFormat,
  type Source,
  type Stream,
  arrow,
  avro,
  csv,
  custom,
  files,
  job,
  json,
  nullSink,
  parquet,
  socket,
  text,
} from './plan/index.js'
export type {
  ConnectorContext,
  DecoderFactory,
  EncoderFactory,
  PollLimit,
  Polled,
  Row,
  Sink as SinkContract,
  SinkFactory,
  SinkFile,
  Source as SourceContract,
  SourceFactory,
  SourceProgress,
} from './connectors/index.js'
export type { Batch, Column, Value } from './batch/index.js'
export type { DeadRecord, Decoded, Decoder, Encoder } from './formats/index.js'
