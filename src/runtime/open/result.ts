/** What a run answers when it is over. */
import { type NullSink, type Sink, type SinkFile } from '../../connectors/index.js'
import { type SinkConnector } from '../../plan/index.js'
import { type Engine } from '../flow/index.js'
import { type EpochsReport, type RunResult } from '../options.js'
import { type Host } from './host.js'
import { type Opened } from './opened.js'
import { type Running } from './running.js'

export type Result = Omit<RunResult, 'counters'>

/** Where a sink writes: its folder, its address, or what the sink says. */
function pathOf(connector: SinkConnector, out: string, files: readonly SinkFile[]): string {
  switch (connector.kind) {
    case 'files':
      return `${out}/${connector.path}`
    case 'socket':
      return connector.address
    case 'postgres':
    case 'python':
    case 'custom':
      return files[0]?.path ?? ''
    case 'null':
      return ''
  }
}

const isNullSink = (sink: Sink): sink is NullSink => 'checksum' in sink

export function resultOf(
  opened: Opened,
  of: {
    readonly host: Host
    readonly engine: Engine
    readonly sinks: readonly Sink[]
    readonly running: Running
    readonly epochs: EpochsReport | null
  },
): Result {
  const { world, topology, options } = opened
  const vertices = topology.vertices.filter(v => v.kind === 'sink')
  const outputs = vertices.map((vertex, i) => {
    const { connector } = vertex
    const files = of.host.outputs[i] ?? []
    const path = pathOf(connector, options.out, files)
    return { sink: vertex.id, path, rows: files.reduce((n, f) => n + f.rows, 0) }
  })
  const checksums = vertices.flatMap((vertex, i) => {
    const sink = of.sinks[i]
    return sink !== undefined && isNullSink(sink) ? [[vertex.id, sink.checksum] as const] : []
  })
  const { ledger } = of.engine
  return {
    rowsIn: ledger.rowsIn,
    rowsBefore: of.running.rowsBefore,
    rowsOut: outputs.reduce((n, o) => n + o.rows, 0),
    rowsDead: ledger.rowsDead,
    deadByReason: Object.fromEntries(ledger.deadByReason),
    seconds: of.running.seconds,
    flowSeconds: (world.clock.nowMs() - of.host.openedMs) / 1_000,
    outputs,
    checksums: Object.fromEntries(checksums),
    checks: of.engine.checks,
    epochs: of.epochs,
    resumable: of.engine.end.run === 'unfinished' && of.running.suspends,
    restarts: of.running.restarts,
    drained: of.running.drained,
    end: of.engine.end.inputs,
  }
}
