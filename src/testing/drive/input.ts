/**
 * Scripted input: rows, lines and faults in the order in which a test wrote them. A row is checked against what its
 * source declares when it is given; a line goes through the source's own format and may turn out dead.
 */
import { type Batch, batchFromRows, rowsOf } from '../../batch/index.js'
import { type Polled, type PollLimit } from '../../connectors/index.js'
import { type Decoder, decoderOf } from '../../formats/index.js'
import { type FormatNode, type SourceNode, isTable } from '../../plan/index.js'
import { type Schema, formatType, schemaFromJson } from '../../schema/index.js'
import { type Cells, convert, isValue, kindOf, quoted } from './answer.js'

export const faults = ['worker crashes', 'worker is killed', 'worker hangs', 'reply is damaged'] as const

/** What happens to the next call: a fault of its worker, or of the bytes on their way back. */
export type Fault = (typeof faults)[number]

/** Stands between rows: it strikes the first call after the rows before it were read. */
export class FaultHere {
  constructor(readonly fault: Fault) {}
}
export const fault = (name: Fault): FaultHere => new FaultHere(name)

/** A row, a line of the source's format, or a fault. */
export type InputItem = Readonly<Record<string, unknown>> | string | FaultHere
/** Items by the id of their source. */
export type Inputs = Readonly<Record<string, readonly InputItem[]>>

/** The source of this id. */
export function inputNamed<T>(sources: ReadonlyMap<string, T>, id: string): T {
  const source = sources.get(id)
  if (source !== undefined) return source
  throw new TypeError(`the job has no source "${id}"; it has ${quoted([...sources.keys()])}`)
}

type Dead = Polled['dead'][number]
type Item = { readonly row: Cells; readonly position: number } | { readonly dead: Dead } | { readonly fault: Fault }

export class ScriptedInput {
  private readonly items: Item[] = []
  private readonly declared: Schema
  private position = 0
  private ended = false
  /** A poll that found nothing yet. */
  private waiting: PollLimit | null = null

  /** `flows` is what somebody reads of the declared columns. */
  constructor(
    private readonly node: SourceNode,
    private readonly flows: Schema,
    private readonly to: {
      readonly strike: (fault: Fault) => void
      readonly polled: (polled: Polled | null) => void
    },
  ) {
    this.declared = schemaFromJson(node.schema)
  }

  give(items: readonly InputItem[]): void {
    for (const item of items) this.items.push(this.itemOf(item))
    this.answer()
  }

  end(): void {
    this.ended = true
    this.answer()
  }

  poll(limit: PollLimit): void {
    this.waiting = limit
    this.answer()
  }

  private answer(): void {
    const limit = this.waiting
    if (limit === null || (this.items.length === 0 && !this.ended)) return
    const next = this.next(limit.rowsMax)
    if (next === null && !this.ended) return
    this.waiting = null
    this.to.polled(next)
  }

  /** Rows up to the next fault, which strikes now, while they are about to be worked on. */
  private next(rowsMax: number): Polled | null {
    const rows: { readonly row: Cells; readonly position: number }[] = []
    const dead: Dead[] = []
    while (rows.length + dead.length < rowsMax || isFault(this.items[0])) {
      const item = this.items.shift()
      if (item === undefined) break
      if ('fault' in item) {
        this.to.strike(item.fault)
        if (rows.length + dead.length > 0) break
      } else if ('dead' in item) dead.push(item.dead)
      else rows.push(item)
    }
    if (rows.length + dead.length === 0) return null
    const positions = Float64Array.from(rows, one => one.position)
    return { batch: this.batch(rows.map(one => one.row)), split: this.node.id, firstPosition: 1, positions, dead }
  }

  private batch(rows: readonly Cells[]): Batch {
    return batchFromRows(this.flows, rows)
  }

  private itemOf(item: InputItem): Item {
    if (item instanceof FaultHere) return { fault: item.fault }
    this.position += 1
    return typeof item === 'string'
      ? this.lineOf(item)
      : { row: rowOf(this.declared, item, `row ${this.position} of source "${this.node.id}"`), position: this.position }
  }

  private lineOf(line: string): Item {
    const decoder = lineDecoderOf(this.node.connector.format)
    if (decoder === null)
      throw new TypeError(`source "${this.node.id}" reads files that have no lines: give rows as objects`)
    const bytes = new TextEncoder().encode(`${line}\n`)
    decoder.space(bytes.length).set(bytes)
    decoder.filled(bytes.length)
    const decoded = decoder.next(1)
    const [row] = decoded === null ? [] : rowsOf(decoded.batch)
    if (row !== undefined) return { row, position: this.position }
    const [dead] = decoded?.dead ?? []
    if (dead === undefined) throw new TypeError(`source "${this.node.id}" was given an empty line`)
    return { dead: { ...dead, position: this.position } }
  }
}

/** A row as its source would give it: all declared columns, in their types. `what` names it in a refusal. */
export function rowOf(declared: Schema, given: Readonly<Record<string, unknown>>, what: string): Cells {
  const names = declared.fields.map(field => field.name)
  const unknown = Object.keys(given).filter(name => !names.includes(name))
  if (unknown.length > 0) throw new TypeError(`${what} has ${quoted(unknown)}, declared are ${quoted(names)}`)
  return Object.fromEntries(
    declared.fields.map(field => {
      const value: unknown = given[field.name] ?? field.default ?? null
      const converted = isValue(value) ? convert(field, value) : undefined
      if (converted !== undefined && (converted !== null || field.required !== true))
        return [field.name, converted] as const
      const type = `${formatType(field.type)}${field.required === true ? ', required' : ''}`
      throw new TypeError(`${what} has ${kindOf(value)} in column "${field.name}", which is ${type}`)
    }),
  )
}

/** Reads one line at a time; null where the format has none. */
function lineDecoderOf(format: FormatNode): Decoder | null {
  if (isTable(format) || format.kind === 'avro') return null
  return decoderOf(format.kind === 'csv' ? { ...format, header: false } : format)?.() ?? null
}

const isFault = (item: Item | undefined): boolean => item !== undefined && 'fault' in item
