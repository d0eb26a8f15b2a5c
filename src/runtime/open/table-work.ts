/**
 * Tables (Parquet, Arrow) are read and written by a Python process of ours that runs no user code and holds nothing.
 */
import {
  type AnabranchError,
  ConnectorError,
  PlanError,
  ProtocolError,
  WorkerError,
  invariant,
} from '../../base/index.js'
import { readIpc } from '../../batch/index.js'
import { type TableFooter, type TableRows, type TableWork } from '../../connectors/index.js'
import { type Schema, schemaToJson } from '../../schema/index.js'
import { type Frame, Message, type MessageKind, Table, type TableView, jsonPart } from '../../transport/index.js'
import { type LostReason } from '../../workers/index.js'
import { failureOf } from './failures.js'
import { OneWorker, type OneWorkerParts } from './one-worker.js'

/** Space in the mapping for the rows of one READ; a larger row group travels in the frame. */
const readBytes = 32 << 20
const requestBytes = 64 << 10

export class IoWorker extends OneWorker {
  constructor(parts: Omit<OneWorkerParts, 'refused' | 'lost'>) {
    super({ ...parts, refused: requestError, lost: lostError })
  }

  ask(kind: MessageKind, json: Readonly<Record<string, unknown>>): Promise<Frame> {
    return this.request({
      kind,
      parts: [jsonPart(json)],
      replyBytes: kind === Message.read ? readBytes : requestBytes,
    })
  }
}

const lostError = (reason: LostReason): AnabranchError =>
  reason.error ??
  new WorkerError('ANB3001', 'expected the table worker to stay, it was lost', { detail: reason.stderr })

function requestError(tables: readonly TableView[]): AnabranchError {
  const failure = failureOf(tables)
  const parts = { detail: failure.traceback }
  if (failure.class === 'PlanError') return new PlanError(failure.code, failure.message, parts)
  return new ConnectorError(failure.code, failure.message, parts)
}

const jsonOf = (tables: readonly TableView[]): Readonly<Record<string, unknown>> => {
  const found = tables.find(t => t.kind === Table.json)
  if (found === undefined)
    throw new ProtocolError('ANB5001', 'expected JSON in the reply of the table worker, got none')
  const value: unknown = JSON.parse(new TextDecoder().decode(found.bytes))
  invariant(typeof value === 'object' && value !== null, 'our own process answers an object')
  return Object.fromEntries(Object.entries(value))
}

/** The door that connectors get. `schema` is what the source declares: rows are cast to it. */
export function tableWork(io: IoWorker, format: 'parquet' | 'arrow', schema: Schema | null): TableWork {
  return {
    async inspect(path): Promise<TableFooter> {
      const { tables, loan } = await io.ask(Message.inspect, { path, format })
      const footer = footerOf(jsonOf(tables))
      loan?.release()
      return footer
    },
    async read({ path, rowGroup, first, rows, columns }): Promise<TableRows> {
      invariant(schema !== null, 'only a source with a schema reads')
      const fields = columns.map(name => {
        const field = schema.fields.find(f => f.name === name)
        invariant(field !== undefined, `column ${name} is declared`)
        return field
      })
      const wanted: Schema = { fields }
      const asked = { path, format, rowGroup, first, rows, columns, schema: schemaToJson(wanted) }
      const { tables, loan } = await io.ask(Message.read, asked)
      return { batches: tables.filter(t => t.kind === Table.output).map(t => readIpc(wanted, t.bytes)), loan }
    },
    async write({ from, to }): Promise<void> {
      const { loan } = await io.ask(Message.write, { from, to, format, options: {} })
      loan?.release()
    },
  }
}

function footerOf(json: Readonly<Record<string, unknown>>): TableFooter {
  const { rows, rowGroups, schema } = json
  invariant(typeof rows === 'number' && Array.isArray(rowGroups) && Array.isArray(schema), 'INSPECT answers a footer')
  return {
    rows,
    rowGroups: rowGroups.map((g: { rows: unknown; bytes: unknown; index: unknown; first: unknown }) => ({
      rows: Number(g.rows),
      bytes: Number(g.bytes),
      index: Number(g.index),
      first: Number(g.first),
    })),
    schema: schema.map(
      ([name, type]: readonly [unknown, unknown]) => [String(name), type === null ? null : String(type)] as const,
    ),
  }
}
