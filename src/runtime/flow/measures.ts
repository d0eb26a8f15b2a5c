/** Measures: what a reply says of its call beside rows and state: time, memory, counters, what checks saw. */
import { type AnabranchError, ProtocolError, ShapeError, shape } from '../../base/index.js'
import { Table, type TableView } from '../../transport/index.js'
import { type Checked } from './check-tally.js'

export interface Measures {
  readonly us: number
  readonly rssBytes: number
  /** 0 where a call may be as short as its rows are cheap. */
  readonly rowsWanted: number
  readonly counters: Readonly<Record<string, number>>
  readonly checked: readonly Checked[]
}

const checkedShape = shape.list(shape.list(shape.whole))

export function readMeasures(tables: readonly TableView[]): Measures {
  const found = tables.find(t => t.kind === Table.measures)
  const none: Measures = { us: 0, rssBytes: 0, rowsWanted: 0, counters: {}, checked: [] }
  if (found === undefined) return none
  const json = parseObject(found.bytes)
  const amount = (value: unknown): number =>
    typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
  const counters = Object.entries(
    typeof json['counters'] === 'object' && json['counters'] !== null ? json['counters'] : {},
  )
  return {
    us: amount(json['us']),
    rssBytes: amount(json['rss']),
    rowsWanted: amount(json['rowsWanted']),
    counters: Object.fromEntries(counters.map(([name, value]) => [name, amount(value)])),
    checked: readChecked(json['checked'] ?? []),
  }
}

/** `[operator, rows, failed, ...byRule]` for each check of the call. */
function readChecked(value: unknown): readonly Checked[] {
  try {
    return checkedShape(value, 'checked').map(([operator = -1, rows = 0, failed = 0, ...byRule]) => {
      return { operator, rows, failed, byRule }
    })
  } catch (error) {
    if (error instanceof ShapeError) throw refused(error.message, 'another form of counts')
    throw error
  }
}

/** A JSON object that a worker wrote; a ProtocolError where it is anything else. */
function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new ProtocolError('ANB5001', 'expected JSON in a reply, got something else', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused('a JSON object', Array.isArray(value) ? 'an array' : typeof value)
  return Object.fromEntries(Object.entries(value))
}

export const refused = (expected: string, got: string): AnabranchError =>
  new ProtocolError('ANB5001', `expected ${expected} in a reply, got ${got}`)
