/**
 * connectors: one folder a system, behind the source and sink contracts; and the output folder of a run with its
 * lock and its dead letters. Promises: everything that can be checked is checked at open, memory is bounded, a file
 * is visible only when it is whole. Must never know a worker or the runtime.
 */
export * from './contract.js'
export { type Descent, type EpochOf, forebearsOf, lineagesBehind } from './lineages.js'
export { Captures } from './output/captures.js'
export { deadLetters, type DeadLetter, type DeadLetters } from './output/dead-letters.js'
export { outputFolder, type OutputFolder, type RunRecord } from './output/folder.js'
export { filesSource, type FilesSourceOptions } from './files/source.js'
export { unfinishedSinks } from './files/manifest.js'
export { filesSink, type FilesSinkOptions } from './files/sink.js'
export { nullSink, type NullSink, type NullSinkOptions } from './null/sink.js'
export { type LoggedSinkOptions, loggedSink } from './log/logged-sink.js'
export type { TransactionSink } from './log/transaction-sink.js'
export { type PostgresOptions, postgresTransactions } from './postgres/sink.js'
export { type PythonPush, type PythonSinkOptions, pythonTransactions } from './python/sink.js'
export { socketSource, type SocketSourceOptions } from './socket/source.js'
export { socketSink, type SocketSinkOptions } from './socket/sink.js'
export type {
  ConnectorContext,
  DecoderFactory,
  EncoderFactory,
  Row,
  SinkFactory,
  SourceFactory,
} from './custom/contract.js'
export { OwnDecoder } from './custom/own-decoder.js'
export { OwnSource } from './custom/own-source.js'
export { OwnSink } from './custom/own-sink.js'
