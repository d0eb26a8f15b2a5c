/**
 * The tables of the protocol as constants: every kind of message and of table, and who may send what with what.
 * README.md in this room explains each; `python/anabranch/_protocol` mirrors them.
 */
export const protocolVersion = 1
/** The text `ANB1`. */
export const magic = 0x31424e41
export const envelopeBytes = 64
/** Two u64 behind the envelope of a CALL whose body lies in the mapping: offset and capacity of the reply's space. */
export const grantBytes = 16
export const entryBytes = 32
/** Tables begin at multiples of this, from the start of the body; bodies do so in the mapping. */
export const tableAlign = 64
/** Flag bit 0: the body lies in the shared mapping. */
export const mappedFlag = 1

export const Message = {
  hello: 1,
  open: 2,
  opened: 3,
  call: 4,
  end: 5,
  read: 6,
  write: 7,
  done: 8,
  failed: 9,
  log: 10,
  stop: 11,
  bye: 12,
  inspect: 13,
} as const
export type MessageKind = (typeof Message)[keyof typeof Message]

export const Table = {
  rows: 1,
  state: 2,
  index: 3,
  order: 4,
  starts: 5,
  list: 6,
  map: 7,
  timers: 8,
  watermark: 9,
  output: 10,
  parent: 11,
  dead: 12,
  keys: 13,
  clear: 14,
  measures: 15,
  error: 16,
  json: 17,
  isNew: 18,
  written: 19,
} as const
export type TableKind = (typeof Table)[keyof typeof Table]

/** What a worker may send: for each message the kinds of table that it may hold. Everything else is refused. */
export const fromWorker: ReadonlyMap<number, readonly TableKind[]> = new Map<number, readonly TableKind[]>([
  [Message.hello, [Table.json]],
  [Message.opened, [Table.json]],
  [Message.log, [Table.json]],
  [Message.bye, []],
  [Message.failed, [Table.error]],
  [
    Message.done,
    [
      Table.output,
      Table.parent,
      Table.state,
      Table.list,
      Table.map,
      Table.clear,
      Table.written,
      Table.dead,
      Table.measures,
      Table.json,
    ],
  ],
])

/** Tables that are Arrow: they name a schema. */
export const arrowTables: readonly TableKind[] = [
  Table.rows,
  Table.state,
  Table.list,
  Table.map,
  Table.output,
  Table.dead,
  Table.keys,
]
/** Tables that are JSON text: they have no rows. */
export const jsonTables: readonly TableKind[] = [Table.measures, Table.error, Table.json]
