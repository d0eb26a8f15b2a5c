/**
 * Frames: one contiguous message from an envelope and its tables, and back.
 *
 * Going out: the size is known before the first byte is written, then each table writes itself straight into its
 * place, be it a fresh buffer for the socket or a slot of the shared mapping, so a column is copied once. Coming back:
 * everything that a worker sent is checked against the message's kind, the sizes and the limits before any other code
 * looks at it; what does not fit is a `ProtocolError`, never a read out of bounds. Pure.
 */
import { invariant } from '../base/index.js'
import { type Loan } from '../batch/index.js'
import { type Envelope, decodeEnvelope, encodeEnvelope, refused, setWhole, whole } from './envelope.js'
import {
  type TableKind,
  Table,
  arrowTables,
  entryBytes,
  envelopeBytes,
  fromWorker,
  grantBytes,
  jsonTables,
  mappedFlag,
  tableAlign,
} from './kinds.js'

/** A table that is still to be written. */
export interface TablePart {
  readonly kind: TableKind
  readonly operator: number
  readonly output: number
  /** 0 where the table is not Arrow. */
  readonly schemaId: number
  readonly rows: number
  /** Exact size. `write` fills exactly these bytes. */
  readonly bytes: number
  write(target: Uint8Array, at: number): void
}

/** A table that came: `bytes` is a view of the body. */
export interface TableView {
  readonly kind: TableKind
  readonly operator: number
  readonly output: number
  readonly schemaId: number
  readonly rows: number
  readonly bytes: Uint8Array
}

/** What the caller of a frame fills in; the rest follows from the tables and from where the body goes. */
export type CallEnvelope = Omit<Envelope, 'flags' | 'tables' | 'length' | 'at'>

/** A checked message of a worker. */
export interface Frame {
  readonly envelope: Envelope
  readonly tables: readonly TableView[]
  /** Ours alone and 8-byte aligned; empty where the message has no body. */
  readonly body: Uint8Array
  /** What the body lies in, where that is used again: who reads the tables last gives it back. */
  readonly loan: Loan | undefined
}

export interface FrameLimits {
  /** Bytes of one body. */
  readonly bodyBytesMax: number
  readonly tablesMax: number
  /** Bytes of one JSON table. */
  readonly jsonBytesMax: number
  /** Rows of one table. */
  readonly rowsMax: number
}

export const frameLimits: FrameLimits = {
  bodyBytesMax: 320 * 2 ** 20,
  tablesMax: 1024,
  jsonBytesMax: 16 * 2 ** 20,
  rowsMax: 2 ** 31 - 1,
}

/** Bytes of the body that holds these tables. */
export function bodySize(parts: readonly TablePart[]): number {
  let at = parts.length * entryBytes
  for (const part of parts) at = aligned(at) + part.bytes
  return at
}

/** Writes directory and tables at `at`, which is a multiple of 64 where the tables shall be so in memory too. */
export function writeBody(parts: readonly TablePart[], target: Uint8Array, at: number): void {
  const directory = new DataView(target.buffer, target.byteOffset + at, parts.length * entryBytes)
  let end = parts.length * entryBytes
  let entry = 0
  for (const part of parts) {
    const offset = aligned(end)
    directory.setUint16(entry, part.kind, true)
    directory.setUint16(entry + 2, part.operator, true)
    directory.setUint16(entry + 4, part.output, true)
    directory.setUint16(entry + 6, 0, true)
    directory.setUint32(entry + 8, part.schemaId, true)
    directory.setUint32(entry + 12, part.rows, true)
    setWhole(directory, entry + 16, offset)
    setWhole(directory, entry + 24, part.bytes)
    // A gap would show the worker what lay there before.
    target.fill(0, at + end, at + offset)
    part.write(target, at + offset)
    end = offset + part.bytes
    entry += entryBytes
  }
}

/** The whole message with its body in it, in a buffer of its own (a socket keeps what it was given). */
export function inlineFrame(envelope: CallEnvelope, parts: readonly TablePart[]): Uint8Array {
  const length = bodySize(parts)
  const frame = fresh(envelopeBytes + length)
  encodeEnvelope(complete(envelope, 0, { tables: parts.length, length, at: 0 }), frame, 0)
  writeBody(parts, frame, envelopeBytes)
  return frame
}

/** The message whose body was written into the mapping at `at`; the reply's body may use `reply`. */
export function mappedFrame(
  envelope: CallEnvelope,
  body: { readonly tables: number; readonly length: number; readonly at: number },
  reply: { readonly at: number; readonly bytes: number },
): Uint8Array {
  invariant(
    body.at % tableAlign === 0 && reply.at % tableAlign === 0,
    'a body in the mapping begins at a multiple of 64',
  )
  const frame = fresh(envelopeBytes + grantBytes)
  encodeEnvelope(complete(envelope, mappedFlag, body), frame, 0)
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  setWhole(view, envelopeBytes, reply.at)
  setWhole(view, envelopeBytes + 8, reply.bytes)
  return frame
}

/** A JSON table, for control messages. */
export function jsonPart(value: unknown): TablePart {
  return bytesPart({ kind: Table.json, schemaId: 0, rows: 0 }, new TextEncoder().encode(JSON.stringify(value)))
}

/** A table of bytes that exist already. */
export function bytesPart(
  head: { kind: TableKind; operator?: number; output?: number; schemaId: number; rows: number },
  bytes: Uint8Array,
): TablePart {
  const { kind, operator = 0, output = 0, schemaId, rows } = head
  const write = (target: Uint8Array, at: number): void => target.set(bytes, at)
  return { kind, operator, output, schemaId, rows, bytes: bytes.length, write }
}

/**
 * Reads the envelope of a message of a worker: its kind, flags and size must fit each other and the limits.
 * Whether run, incarnation and call are the right ones is for the caller: such a frame is dropped, not refused.
 * @throws ProtocolError
 */
export function readEnvelope(message: Uint8Array, limits: FrameLimits = frameLimits): Envelope {
  const e = decodeEnvelope(message)
  if (!fromWorker.has(e.kind)) throw refused('a message that a worker may send', `kind ${e.kind}`)
  if ((e.flags & ~mappedFlag) !== 0) throw refused('only the flags of version 1', `${e.flags}`)
  if (e.length > limits.bodyBytesMax) throw refused(`a body of at most ${limits.bodyBytesMax} bytes`, `${e.length}`)
  if (e.tables > limits.tablesMax) throw refused(`at most ${limits.tablesMax} tables`, `${e.tables}`)
  if (e.tables * entryBytes > e.length) throw refused(`a body that holds ${e.tables} tables`, `${e.length} bytes`)
  if (e.tables === 0 && e.length !== 0) throw refused('no body without tables', `${e.length} bytes`)
  const mapped = (e.flags & mappedFlag) !== 0
  const inside = mapped ? 0 : e.length
  if (message.length !== envelopeBytes + inside) {
    throw refused(`a message of ${envelopeBytes + inside} bytes`, `${message.length}`)
  }
  if (!mapped && e.at !== 0) throw refused('offset 0 without a mapping', `${e.at}`)
  return e
}

/** Reads the directory of a body. `body` is ours alone: nobody may write to it any more. @throws ProtocolError */
export function readTables(e: Envelope, body: Uint8Array, limits: FrameLimits = frameLimits): readonly TableView[] {
  invariant(body.length === e.length, 'the body has the length that its envelope says')
  const legal = fromWorker.get(e.kind) ?? []
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  const tables: TableView[] = []
  const seen = new Set<number>()
  let end = e.tables * entryBytes
  for (let i = 0; i < e.tables; i += 1) {
    const number = view.getUint16(i * entryBytes, true)
    const kind = legal.find(one => one === number)
    if (kind === undefined) throw refused(`a table that message ${e.kind} may hold`, `kind ${number}`)
    const table = readEntry(view, { index: i, kind, begin: aligned(end) }, body)
    checkForm(table, limits)
    end = aligned(end) + table.bytes.length
    const name = table.kind * 2 ** 32 + table.operator * 2 ** 16 + table.output
    if (seen.has(name)) throw refused('each table once', `kind ${table.kind} twice`)
    seen.add(name)
    tables.push(table)
  }
  if (end !== body.length) throw refused(`a body that ends with its last table at ${end}`, `${body.length} bytes`)
  return tables
}

/** Envelope, body and tables of a message that carries its body. @throws ProtocolError */
export function readFrame(message: Uint8Array, limits: FrameLimits = frameLimits): Frame {
  const envelope = readEnvelope(message, limits)
  if ((envelope.flags & mappedFlag) !== 0) throw refused('the body in the message', 'a body in the mapping')
  const body = ownBody(message)
  return { envelope, tables: readTables(envelope, body, limits), body, loan: undefined }
}

/** The body of a received message; copied only where typed arrays could not stand on it. */
export function ownBody(message: Uint8Array): Uint8Array {
  const body = new Uint8Array(message.buffer, message.byteOffset + envelopeBytes, message.length - envelopeBytes)
  return body.byteOffset % 8 === 0 ? body : body.slice()
}

function readEntry(
  view: DataView,
  entry: { readonly index: number; readonly kind: TableKind; readonly begin: number },
  body: Uint8Array,
): TableView {
  const at = entry.index * entryBytes
  const offset = whole(view, at + 16, 'table offset')
  const length = whole(view, at + 24, 'table length')
  // In one place only: a table that lay over another one would be read as that one's rows.
  if (offset !== entry.begin) throw refused(`a table at ${entry.begin}`, `offset ${offset}`)
  if (offset + length > body.length) throw refused('a table inside the body', `${offset} + ${length} of ${body.length}`)
  if (view.getUint16(at + 6, true) !== 0) throw refused('a reserved field of 0', `${view.getUint16(at + 6, true)}`)
  return {
    kind: entry.kind,
    operator: view.getUint16(at + 2, true),
    output: view.getUint16(at + 4, true),
    schemaId: view.getUint32(at + 8, true),
    rows: view.getUint32(at + 12, true),
    bytes: body.subarray(offset, offset + length),
  }
}

/** Size and rows of a table fit its kind. What is inside an Arrow table is checked by the room `batch`. */
function checkForm(table: TableView, limits: FrameLimits): void {
  const { kind, rows, bytes } = table
  if (rows > limits.rowsMax) throw refused(`at most ${limits.rowsMax} rows`, `${rows}`)
  const arrow = arrowTables.includes(kind)
  if (arrow !== (table.schemaId !== 0)) throw refused('a schema where a table is Arrow', `schema ${table.schemaId}`)
  if (jsonTables.includes(kind)) {
    if (rows !== 0) throw refused('no rows in a JSON table', `${rows}`)
    if (bytes.length > limits.jsonBytesMax)
      throw refused(`at most ${limits.jsonBytesMax} bytes of JSON`, `${bytes.length}`)
  }
  if (kind === Table.parent && bytes.length !== rows * 4)
    throw refused(`${rows * 4} bytes of parents`, `${bytes.length}`)
  if (kind === Table.clear && bytes.length !== Math.ceil(rows / 8)) {
    throw refused(`${Math.ceil(rows / 8)} bytes of bitmap`, `${bytes.length}`)
  }
}

/** Field by field: the spread of two objects costs 7 us here, and 7 more in who reads the result. */
function complete(
  e: CallEnvelope,
  flags: number,
  body: { readonly tables: number; readonly length: number; readonly at: number },
): Envelope {
  const { kind, job, incarnation, lane, sequence, attempt, rows, stage } = e
  const { tables, length, at } = body
  return { kind, job, incarnation, lane, sequence, attempt, flags, rows, stage, tables, length, at }
}

/**
 * A buffer that nobody else has, not zeroed. Small ones are cut from Node's pool, of which no piece is given out twice
 * while somebody holds it: an ArrayBuffer of its own for each of them costs 14 us in garbage collection.
 */
function fresh(bytes: number): Uint8Array {
  return bytes < Buffer.poolSize / 2 ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes)
}

function aligned(at: number): number {
  return Math.ceil(at / tableAlign) * tableAlign
}
