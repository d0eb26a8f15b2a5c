/**
 * conformance: what every source, sink and format keeps, as lists of named cases. They know no test runner: a case
 * rejects where the contract is broken, and `for (const { name, run } of sourceCases(make)) test(name, run)` makes
 * tests of them. Our own connectors are held to exactly these.
 */
export type { Case, NumberedRow } from './cases.js'
export { type EpochSinkUnderTest, type MakeEpochSink, epochSinkCases } from './epochs.js'
export { type FormatUnderTest, formatCases } from './format.js'
export { type MakeSink, type SinkKind, type SinkUnderTest, sinkCases } from './sink.js'
export { type MakeSource, type SourceUnderTest, sourceCases } from './source.js'
