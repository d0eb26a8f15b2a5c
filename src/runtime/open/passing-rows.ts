/**
 * Passing rows: those of an operator that a start reads from blocks and that memory has no room for. They are gathered, the newest of
 * each key, and written beyond memory many at once: one by one, or with all that their keys have, they would be read and written
 * over and over.
 */
import {
  type ColdChanges,
  type ColdKeys,
  type ColdRoom,
  type StateForm,
  StoredOperator,
  type StoredRows,
} from '../../state/index.js'

export interface PassingTerms {
  readonly operator: string
  readonly form: StateForm
  /** So many are written together, or those of one more block. */
  readonly room: Pick<ColdRoom, 'leavingAtOnce' | 'leavingBytes'>
}

/** Where they go. */
export interface PassingPlace {
  /** Of each key the sum of its entry; 0: there is none. */
  sumsOf(operator: string, keys: ColdKeys): Promise<Uint32Array>
  writeCold(changes: readonly ColdChanges[]): Promise<void>
}

export class PassingRows {
  private gathered: StoredOperator
  /** The epochs of what is gathered. */
  private epochs = { first: 0, last: 0 }
  private bytes = 0

  constructor(
    private readonly place: PassingPlace,
    private readonly terms: PassingTerms,
  ) {
    this.gathered = this.none()
  }

  private none(): StoredOperator {
    return new StoredOperator(this.terms.operator, this.terms.form)
  }

  /** Rows of a block, behind those of all older ones; null: none. */
  async take(form: StateForm, rows: StoredRows | null): Promise<void> {
    if (rows === null) return
    const { epoch } = rows
    if (epoch > this.epochs.last && this.isMuch(rows)) await this.write(this.epochs.last)
    const first = this.gathered.size === 0 ? epoch : this.epochs.first
    this.epochs = { first, last: epoch }
    this.gathered.takeRows(form, rows)
    this.bytes += rows.bytes
    // The block may be one of several of its epoch, and others of them have newer rows of keys that came before.
    if (this.isMuch(null)) await this.write(first === epoch ? epoch : epoch - 1)
  }

  /** With these. */
  private isMuch(more: StoredRows | null): boolean {
    const { leavingAtOnce, leavingBytes } = this.terms.room
    const [rows, bytes] = [this.gathered.size + (more?.keys.rows ?? 0), this.bytes + (more?.bytes ?? 0)]
    return rows >= leavingAtOnce || bytes >= leavingBytes
  }

  /** They are what their keys have at the end of this epoch. */
  async write(epoch: number): Promise<void> {
    const { gathered, place } = this
    if (gathered.size === 0) return
    this.gathered = this.none()
    this.bytes = 0
    const { operator, allPlaces } = gathered
    const changes = gathered.changes(epoch, allPlaces, await place.sumsOf(operator, allPlaces))
    if (changes.groups.length > 0) await place.writeCold([changes])
  }
}
