/**
 * Timetable: when each call of a run was given state, and when its answer was taken. State that expires is judged by these two
 * moments, so whoever has to say what must come out needs them; nothing else of a run is told here.
 *
 * A row is known by its `id`. It may be several rows of one stage (children of one row): they belong to one poll of a source,
 * which is in an epoch whole, so after a crash all of them are worked on anew or none is.
 */
import { columnNamed, readIpc, rowsOf } from '../../batch/index.js'
import { type OpenOperator, type OpenStage } from '../../plan/index.js'
import { schemaFromJson } from '../../schema/index.js'
import { Message, Table } from '../../transport/index.js'
import { type CallRead, given, readCall } from './call.js'
import { type Due } from './rows.js'

/** Of one call that was answered: its rows share it. */
export interface Times {
  readonly readMs: number
  writtenMs: number
}

/** A call that is out: the names of what it is about. */
interface Asked {
  readonly rows: readonly string[]
  readonly keys: readonly string[]
  readonly times: Times
}

/** A key as text. */
export const keyText = (columns: readonly string[], row: Due): string =>
  JSON.stringify(columns.map(column => row[column] ?? null))

const rowName = (stage: number, id: unknown): string => `${stage} ${String(id)}`
const endName = (stage: number, operator: number, key: string): string => `${stage} ${operator} ${key}`

export class Timetable {
  private life = 0
  private readonly asked = new Map<string, Asked>()
  /** By stage and row, in the order of calls; of the last attempt that worked on the row. */
  private readonly worked = new Map<string, { readonly life: number; readonly times: Times[] }>()
  /** By stage and row: when state of its key was read, also for calls that were lost. */
  private readonly reads = new Map<string, number[]>()
  private readonly ends = new Map<string, Times>()

  /** What was noted in the run that this one goes on with. */
  follow(before: Timetable): void {
    this.life = before.life + 1
    for (const [name, worked] of before.worked) this.worked.set(name, worked)
    for (const [name, reads] of before.reads) this.reads.set(name, [...reads])
    for (const [name, times] of before.ends) this.ends.set(name, times)
  }

  /** Another attempt: what is out is never answered, and rows behind the last epoch come again. */
  begin(): void {
    this.life += 1
    this.asked.clear()
  }

  /** @param call its name among all that are out */
  called(call: string, stage: OpenStage, { frame, atMs }: { readonly frame: Uint8Array; readonly atMs: number }): void {
    if (!stage.operators.some(expires)) return
    const read = readCall(frame)
    const times = { readMs: atMs, writtenMs: atMs }
    if (read.envelope.kind === Message.end) {
      this.asked.set(call, { rows: [], keys: endsOf(stage, read), times })
      return
    }
    const rows = idsOf(stage, read).map(id => rowName(stage.id, id))
    this.asked.set(call, { rows, keys: [], times })
    for (const name of new Set(rows)) {
      const reads = this.reads.get(name) ?? []
      this.reads.set(name, reads)
      reads.push(atMs)
    }
  }

  /** An answer came. Answers what takes that back, where nobody had a use for it. */
  answered(call: string, atMs: number): () => void {
    const asked = this.asked.get(call)
    if (asked === undefined) return () => undefined
    const { rows, keys, times } = asked
    times.writtenMs = atMs
    this.asked.delete(call)
    for (const name of rows) {
      const worked = this.worked.get(name)
      if (worked?.life === this.life) worked.times.push(times)
      else this.worked.set(name, { life: this.life, times: [times] })
    }
    for (const name of keys) this.ends.set(name, times)
    return () => this.takeBack(call, asked)
  }

  private takeBack(call: string, asked: Asked): void {
    for (const name of asked.rows) {
      const times = this.worked.get(name)?.times
      times?.splice(times.lastIndexOf(asked.times), 1)
    }
    this.asked.set(call, asked)
  }

  /** Of this row, once for each row of the stage that it is. */
  timesOf(stage: number, id: unknown): readonly Times[] {
    return this.worked.get(rowName(stage, id))?.times ?? []
  }

  readsOf(stage: number, id: unknown): readonly number[] {
    return this.reads.get(rowName(stage, id)) ?? []
  }

  /** Of the call about a key at the end of the input. */
  endOf(stage: number, operator: number, key: string): Times | null {
    return this.ends.get(endName(stage, operator, key)) ?? null
  }
}

const expires = ({ state }: OpenOperator): boolean => state.some(([, , more]) => more?.keep?.ttl !== undefined)

function endsOf({ id, keys }: OpenStage, { tables }: CallRead): readonly string[] {
  const schema = schemaFromJson(keys ?? [])
  const { operator } = given(tables, Table.state)
  const columns = schema.fields.map(({ name }) => name)
  const rows = rowsOf(readIpc(schema, given(tables, Table.keys).bytes))
  return rows.map(row => endName(id, operator, JSON.stringify(columns.map(column => row[column] ?? null))))
}

function idsOf({ shipped }: OpenStage, { tables }: CallRead): readonly bigint[] {
  const batch = readIpc(schemaFromJson(shipped), given(tables, Table.rows).bytes)
  const column = columnNamed(batch, 'id')
  if (column === undefined) throw new RangeError('a function whose state expires takes the id of a row')
  const { buffer } = column.values.slice(0, 8 * batch.rows)
  return [...new BigInt64Array(buffer)]
}
