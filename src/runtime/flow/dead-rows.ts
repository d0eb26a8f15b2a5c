/** Dead rows as a worker reports them in a DONE: rejected, or raised in row mode. */
import { type ErrorClass, type ErrorCode, ProtocolError, catalogue, errorClasses } from '../../base/index.js'
import { readIpc, rowsOf } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type TableView, Table } from '../../transport/index.js'

export interface DeadRow {
  /** Row of the call. */
  readonly row: number
  /** Index of the operator in the stage. */
  readonly operator: number
  readonly class: ErrorClass
  readonly code: ErrorCode
  readonly type: string
  readonly message: string
  readonly traceback: string
}

const isCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text)
const isClass = (text: string): text is ErrorClass => errorClasses.has(text)

/** Throws a ProtocolError where a row or operator is not one of the call. */
export function readDead(
  tables: readonly TableView[],
  schema: Schema,
  rows: number,
  operators: number,
): readonly DeadRow[] {
  const found = tables.find(t => t.kind === Table.dead)
  if (found === undefined) return []
  return rowsOf(readIpc(schema, found.bytes)).map(json => {
    const row = Number(json['row'])
    const operator = Number(json['operator'])
    const code = String(json['code'])
    const name = String(json['class'])
    if (!(row >= 0 && row < rows) || !(operator >= 0 && operator < operators) || !isCode(code) || !isClass(name))
      throw new ProtocolError(
        'ANB5001',
        `expected a dead row of the call, got row ${row} of operator ${operator}, ${code}`,
      )
    return {
      row,
      operator,
      code,
      class: name,
      type: String(json['type']),
      message: String(json['message']),
      traceback: String(json['traceback']),
    }
  })
}
