/** Connect: the source or the sink that a vertex of the topology describes, made by its kind. Nothing is opened yet. */
import { basename } from 'node:path'
import { PlanError, invariant } from '../../base/index.js'
import {
  OwnDecoder,
  OwnSink,
  type OwnSinkLife,
  OwnSource,
  type PythonPush,
  type Sink,
  type Source,
  filesSink,
  filesSource,
  loggedSink,
  nullSink,
  postgresTransactions,
  pythonTransactions,
  socketSink,
  socketSource,
} from '../../connectors/index.js'
import { type Memory } from '../../batch/index.js'
import { type Decoder, type Encoder, csvEncoder, decoderOf, encoderOf, jsonEncoder } from '../../formats/index.js'
import {
  type FormatNode,
  type PostgresConnector,
  type PythonSinkConnector,
  type SinkVertex,
  type SourceVertex,
  isTable,
  openSink,
} from '../../plan/index.js'
import { type Schema, schemaFromJson, withoutFields } from '../../schema/index.js'
import { type RunOptions } from '../options.js'
import { type Customs, hasMethods } from './custom.js'
import { type PusherOf } from './python-pusher.js'
import { type IoWorker, tableWork } from './table-work.js'
import { type RealWorld } from './world.js'

export interface Connecting {
  readonly world: RealWorld
  readonly options: RunOptions
  readonly io: IoWorker
  readonly customs: Customs
  /** A sink has something to show that waits for an epoch. */
  readonly wantEpoch: () => void
  /** Where batches are made. */
  readonly memory: Memory
  /** A process for a sink of Python. */
  pusherOf(of: PusherOf): PythonPush
  /** Name of the job. */
  readonly job: string
  /** Absolute folder of the job file. */
  readonly folder: string
}

const isSource = hasMethods<Source>('open', 'poll', 'progress', 'drain', 'close')
const isDecoder = hasMethods<Decoder>('space', 'filled', 'finish', 'next')
const isEncoder = hasMethods<Encoder>('encode')
const isSink = hasMethods<OwnSinkLife>('open', 'write', 'finish', 'abort')

export function makeSource(connecting: Connecting, vertex: SourceVertex): Source {
  const { world, options, io, customs, folder } = connecting
  const { connector } = vertex
  const { format } = connector
  if (connector.kind === 'custom') {
    const { name } = connector
    const source = customs.make(connector, vertex.schema, isSource)
    if (source.bounded !== connector.bounded || source.replayable !== connector.replayable) {
      const message = `source "${name}" and the job declare different things about being bounded and replayable`
      throw new PlanError('ANB1017', message, { hint: 'say the same in both places' })
    }
    return new OwnSource({ name, schema: vertex.schema, source })
  }
  const decoder = format.kind === 'custom' ? ownDecoders(customs, format) : decoderOf(format, connecting.memory)
  if (connector.kind === 'socket') {
    invariant(decoder !== null, 'the plan refuses tables on a socket')
    const { clock, sockets } = world
    return socketSource({ address: connector.address, sockets, clock, observer: options.observer, decoder })
  }
  return filesSource({
    glob: connector.glob,
    folder,
    format,
    files: world.files,
    clock: world.clock,
    observer: options.observer,
    tables: isTable(format) ? tableWork(io, format.kind, schemaFromJson(format.schema)) : null,
    decoder,
    tail: connector.kind === 'tail',
    onLost: connector.kind === 'tail' ? connector.onLost : undefined,
    needed: vertex.schema.fields.map(f => f.name),
  })
}

function ownDecoders(customs: Customs, format: FormatNode & { readonly kind: 'custom' }): () => OwnDecoder {
  const { name } = format
  const schema = schemaFromJson(format.schema)
  return () => new OwnDecoder({ name, schema, decoder: customs.make(format, schema, isDecoder) })
}

export function makeSink(connecting: Connecting, vertex: SinkVertex): Sink {
  const { world, options, io, customs, job } = connecting
  const { connector, schema } = vertex
  if (connector.kind === 'custom') return new OwnSink(connector.name, customs.make(connector, schema, isSink))
  if (connector.kind === 'null') return nullSink({ checksum: connector.checksum })
  if (connector.kind === 'socket') {
    const { clock, sockets } = world
    return socketSink({
      address: connector.address,
      sockets,
      clock,
      observer: options.observer,
      encoder: jsonEncoder(schema),
    })
  }
  if (connector.kind === 'python') return pythonSink(connecting, vertex, connector)
  if (connector.kind === 'postgres') return postgresSink(connecting, vertex, connector)
  const { format, delivery, partitionBy, path, roll } = connector
  const written = withoutFields(schema, partitionBy)
  return filesSink({
    job,
    out: options.out,
    path,
    format,
    roll,
    delivery,
    partitionBy,
    schema: written,
    files: world.files,
    clock: world.clock,
    wantEpoch: connecting.wantEpoch,
    encoder: format.kind === 'custom' ? customs.make(format, written, isEncoder) : encoderOf(format, written),
    tables: isTable(format) ? tableWork(io, format.kind, null) : null,
  })
}

function postgresSink(
  { world, options, job }: Connecting,
  { id, schema }: SinkVertex,
  { env, table, key, delivery }: PostgresConnector,
): Sink {
  const { clock, files } = world
  const { observer } = options
  const encoder = csvEncoder(schema, { header: false, delimiter: ',', quote: '"', nullValue: '' })
  const url = process.env[env]
  const to = postgresTransactions({ variable: env, url, table, key, schema, encoder, job, id, clock, observer })
  return loggedSink({ to, out: options.out, id, schema, delivery, files })
}

/** Its rows wait in the log as those of a database do, and go out at the same step. */
function pythonSink({ world, options, job, pusherOf }: Connecting, vertex: SinkVertex, of: PythonSinkConnector): Sink {
  const { id } = vertex
  const schema: Schema = {
    fields: of.inputs.map(([name]) => {
      const field = vertex.schema.fields.find(f => f.name === name)
      invariant(field !== undefined, `the plan has column ${name}`)
      return field
    }),
  }
  const push = pusherOf({ id, schema, stage: openSink(id, of, schema), timeoutMs: of.timeoutMs })
  const place = `${of.name} of ${basename(of.module)}`
  const to = pythonTransactions({ place, push, schema, job, id, random: world.random })
  return loggedSink({ to, out: options.out, id, schema, delivery: 'exactly-once', files: world.files })
}
