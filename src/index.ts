/**
 * The public API: what a job file imports. Nothing else of the package is public, except `anabranch/testing`.
 * Importing it starts nothing and opens nothing.
 */
export {
  type Columns,
  type ColumnsOf,
  type CsvOptions,
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
  files,
  job,
  json,
  nullSink,
  parquet,
  socket,
  text,
} from './plan/index.js'
