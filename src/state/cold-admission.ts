/**
 * Cold admission: which rows come into memory at a start. Once there is no room for more keys, those that memory does not have go
 * beyond it as they are read. One that it has is there with all of its state: values, lists and maps of other operators that come later
 * stay with it.
 */
import { type Batch, bitmapBytes, take, takeBits } from '../batch/index.js'
import { type ColdRoom } from './cold-room.js'
import { type KeyIndex } from './key-index.js'
import { type SavedRows, type StoredRows } from './restore.js'

/** null: none. */
export interface Admitted {
  readonly stays: SavedRows | null
  readonly goes: SavedRows | null
}

/** `stays` says how many bytes the block had, also where no row of it stays. */
export interface AdmittedBlock {
  readonly stays: StoredRows
  readonly goes: StoredRows | null
}

export class ColdAdmission {
  private isClosed = false
  /** Operators, lists and maps that brought keys into memory. */
  private readonly broughtBy = new Set<string>()

  constructor(
    private readonly index: KeyIndex,
    private readonly room: Pick<ColdRoom, 'admits'>,
    /** So many rows of a savepoint go beyond memory. */
    private readonly sent: (rows: number) => void = () => undefined,
  ) {}

  /** No more keys come into memory. */
  close(): void {
    this.isClosed = true
  }

  /** Rows of a savepoint, which has each key once, and beside which nothing lies beyond memory. */
  admit(operator: string, rows: SavedRows): Admitted {
    const admitted = this.admitSaved(operator, rows)
    if (admitted.goes !== null) this.sent(admitted.goes.keys.rows)
    return admitted
  }

  private admitSaved(operator: string, rows: SavedRows): Admitted {
    const { room, broughtBy } = this
    this.isClosed ||= !room.admits(rows.keys.rows)
    if (!this.isClosed) {
      broughtBy.add(operator)
      return { stays: rows, goes: null }
    }
    if (this.isNew(operator, rows.keys)) return { stays: null, goes: rows }
    const { there, others } = this.partsOf(rows.keys)
    if (there.length === 0) return { stays: null, goes: rows }
    if (others.length === 0) return { stays: rows, goes: null }
    const of = (at: Int32Array): SavedRows => {
      return { ...taken(rows, at), groups: Uint16Array.from(at, row => rows.groups[row] ?? 0) }
    }
    return { stays: of(there), goes: of(others) }
  }

  /** Rows of a block of the store: of keys that other blocks have too, and that may have entries beyond memory. */
  admitBlock(rows: StoredRows): AdmittedBlock {
    const { room } = this
    if (!this.isClosed && room.admits(rows.keys.rows)) return { stays: rows, goes: null }
    const { there, others, fresh } = this.partsOf(rows.keys)
    this.isClosed ||= !room.admits(fresh)
    if (!this.isClosed || others.length === 0) return { stays: rows, goes: null }
    // For the bytes of a block it counts once, with what stays.
    return { stays: { ...taken(rows, there), bytes: rows.bytes }, goes: taken(rows, others) }
  }

  /** Values come once, and nobody else brought a key. */
  private isNew(operator: string, { columns }: Batch): boolean {
    const { index, broughtBy } = this
    const isValues = columns.length === index.key.fields.length
    return broughtBy.size === 0 || (isValues && broughtBy.size === 1 && broughtBy.has(operator))
  }

  /** Rows whose keys memory has, the others, and how many keys those have. The columns behind those of the key are of an item. */
  private partsOf({ schema, rows, columns }: Batch): {
    readonly there: Int32Array
    readonly others: Int32Array
    readonly fresh: number
  } {
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
    const all = Int32Array.from(slots.keys())
    return {
      there: all.filter(row => !isFresh.has(slots[row] ?? 0)),
      others: all.filter(row => isFresh.has(slots[row] ?? 0)),
      fresh: fresh.length,
    }
  }
}

/** With their share of the bytes. */
function taken({ epoch, bytes, keys, state, deleted: all, beyond }: StoredRows, at: Int32Array): StoredRows {
  const deleted = new Uint8Array(bitmapBytes(at.length))
  takeBits(deleted, all, at)
  const share = at.length / Math.max(1, keys.rows)
  const some = { epoch, bytes: bytes * share, keys: take(keys, at), state: take(state, at), deleted }
  return beyond === undefined ? some : { ...some, beyond: Uint32Array.from(at, row => beyond[row] ?? 0) }
}
