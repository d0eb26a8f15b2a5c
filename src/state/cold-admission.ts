/**
 * Cold admission: which rows of a savepoint come into memory. It has each key once and nothing lies beyond memory yet, so once
 * there is no room for more keys, those that memory does not have go beyond it as they are read. One that it has is there with all of
 * its state: values, lists and maps of other operators that come later stay with it.
 */
import { type Batch, take } from '../batch/index.js'
import { type ColdRoom } from './cold-room.js'
import { type KeyIndex } from './key-index.js'
import { type SavedRows } from './restore.js'

/** null: none. */
export interface Admitted {
  readonly stays: SavedRows | null
  readonly goes: SavedRows | null
}

export class ColdAdmission {
  private isClosed = false
  /** Operators, lists and maps that brought keys into memory. */
  private readonly broughtBy = new Set<string>()

  constructor(
    private readonly index: KeyIndex,
    private readonly room: Pick<ColdRoom, 'admits'>,
  ) {}

  /** No more keys come into memory. */
  close(): void {
    this.isClosed = true
  }

  admit(operator: string, rows: SavedRows): Admitted {
    const { room, broughtBy } = this
    this.isClosed ||= !room.admits(rows.keys.rows)
    if (!this.isClosed) {
      broughtBy.add(operator)
      return { stays: rows, goes: null }
    }
    if (this.isNew(operator, rows.keys)) return { stays: null, goes: rows }
    const isThere = this.whichAreThere(rows.keys)
    const all = Int32Array.from(isThere.keys())
    const there = all.filter(row => isThere[row] === 1)
    if (there.length === 0) return { stays: null, goes: rows }
    if (there.length === all.length) return { stays: rows, goes: null }
    return {
      stays: taken(rows, there),
      goes: taken(
        rows,
        all.filter(row => isThere[row] === 0),
      ),
    }
  }

  /** Values come once, and nobody else brought a key. */
  private isNew(operator: string, { columns }: Batch): boolean {
    const { index, broughtBy } = this
    const isValues = columns.length === index.key.fields.length
    return broughtBy.size === 0 || (isValues && broughtBy.size === 1 && broughtBy.has(operator))
  }

  /** Of each row 1 where memory has its key. The columns behind those of the key are of an item. */
  private whichAreThere({ schema, rows, columns }: Batch): Uint8Array {
    const { index } = this
    const ofKey = index.key.fields.length
    const slots = index.resolve({
      schema: { fields: schema.fields.slice(0, ofKey) },
      rows,
      columns: columns.slice(0, ofKey),
    })
    const fresh = index.takeFresh()
    index.remove(fresh)
    const isFresh = new Set(fresh)
    return Uint8Array.from(slots, slot => (isFresh.has(slot) ? 0 : 1))
  }
}

const taken = (rows: SavedRows, at: Int32Array): SavedRows => ({
  ...rows,
  keys: take(rows.keys, at),
  state: take(rows.state, at),
  deleted: new Uint8Array(rows.deleted.length),
  groups: Uint16Array.from(at, row => rows.groups[row] ?? 0),
})
