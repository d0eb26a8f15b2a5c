/**
 * Tables (Parquet, Arrow) are read and written by a Python process of ours that runs no user code and holds nothing: each request
 * says all, so a lost process costs one repeat. One process, started with the first request.
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
import { type LostReason, type WorkerEvents, type WorkerProcess } from '../../workers/index.js'
import { failureOf } from './failures.js'

/** Starts an io worker; the host gives it everything but the events. */
export type StartIo = (incarnation: number, events: WorkerEvents) => WorkerProcess

interface Request {
  readonly kind: MessageKind
  readonly json: Readonly<Record<string, unknown>>
  readonly done: (frame: Frame) => void
  readonly failed: (error: AnabranchError) => void
  attempt: number
}

const attemptsMax = 5
/** Space in the mapping for the rows of one READ; a larger row group travels in the frame. */
const readBytes = 32 << 20
const requestBytes = 64 << 10
/** One runs, one waits: the process never idles and a repeat is small. */
const inFlightMax = 2

export class IoWorker {
  private readonly waiting: Request[] = []
  private readonly out = new Map<number, Request>()
  private process: WorkerProcess | null = null
  private isReady = false
  private sequence = 0
  private closing = false

  constructor(
    private readonly start: StartIo,
    /** Numbers of the processes of this run are unique over both roles. */
    private readonly incarnation: () => number,
    private readonly pidsChanged: () => void,
  ) {}

  get pid(): number | null {
    return this.process?.pid ?? null
  }

  request(kind: MessageKind, json: Readonly<Record<string, unknown>>): Promise<Frame> {
    return new Promise((done, failed) => {
      this.waiting.push({ kind, json, done, failed, attempt: 1 })
      this.pump()
    })
  }

  async close(): Promise<void> {
    this.closing = true
    await this.process?.stop(2_000)
  }

  private pump(): void {
    if (this.closing || this.waiting.length === 0) return
    if (this.process === null) {
      this.begin()
      return
    }
    if (!this.isReady) return
    while (this.out.size < inFlightMax) {
      const request = this.waiting.shift()
      if (request === undefined) return
      this.sequence += 1
      this.out.set(this.sequence, request)
      const call = { kind: request.kind, lane: 0, sequence: this.sequence, attempt: request.attempt, rows: 0, stage: 0 }
      this.process.call(call, [jsonPart(request.json)], request.kind === Message.read ? readBytes : requestBytes)
    }
  }

  private begin(): void {
    this.isReady = false
    this.process = this.start(this.incarnation(), {
      ready: () => {
        this.isReady = true
        this.pump()
      },
      reply: frame => this.reply(frame),
      log: () => undefined,
      output: () => undefined,
      dropped: () => undefined,
      lost: reason => this.lost(reason),
    })
    this.pidsChanged()
  }

  private reply(frame: Frame): void {
    const request = this.out.get(frame.envelope.sequence)
    if (request === undefined) return
    this.out.delete(frame.envelope.sequence)
    if (frame.envelope.kind === Message.done) request.done(frame)
    else request.failed(requestError(frame.tables))
    this.pump()
  }

  private lost(reason: LostReason): void {
    this.process = null
    this.pidsChanged()
    const again = [...this.out.values(), ...this.waiting.splice(0)]
    this.out.clear()
    for (const request of again) {
      request.attempt += 1
      if (this.closing || request.attempt > attemptsMax || !reason.wasReady) request.failed(lostError(reason))
      else this.waiting.push(request)
    }
    this.pump()
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
      const { tables, loan } = await io.request(Message.inspect, { path, format })
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
      const { tables, loan } = await io.request(Message.read, asked)
      return { batches: tables.filter(t => t.kind === Table.output).map(t => readIpc(wanted, t.bytes)), loan }
    },
    async write({ from, to }): Promise<void> {
      const { loan } = await io.request(Message.write, { from, to, format, options: {} })
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
