/** State of one operator as a map from key to row, beside the real index and table: what the tests of the store change and compare. */
import { type Batch, Loan, type Memory, batchFromRows, bitAt, rowsOf, setBit } from '../../../src/batch/index.js'
import { schemaFromJson } from '../../../src/schema/index.js'
import { readBlock } from '../../../src/state/restore.js'
import {
  type KeyDigestChange,
  KeyIndex,
  OperatorState,
  type StateBlock,
  type StateForm,
  StateTable,
  type StoredBlock,
} from '../../../src/state/index.js'
import { type Rows } from '../batch/arbitrary.js'

export type Row = Rows[number]

export const countsByUser: StateForm = {
  key: schemaFromJson([['user', 'utf8']]),
  state: schemaFromJson([
    ['n', 'int64'],
    ['label', 'utf8'],
  ]),
  keyGroups: 16,
  nullKeys: false,
}

/** Memory that is spoiled when it is given back, and knows how much is out. */
export class CountedMemory implements Memory {
  out = 0

  take(length: number): ReturnType<Memory['take']> {
    const bytes = new Uint8Array(length).fill(0x5a)
    this.out += length
    const back = (): void => {
      bytes.fill(0xa5)
      this.out -= length
    }
    return { bytes, loan: new Loan(back) }
  }
}

export class KeyedRows {
  readonly memory = new CountedMemory()
  readonly index: KeyIndex
  readonly table: StateTable
  readonly state: OperatorState

  constructor(
    readonly operator: string,
    readonly form: StateForm,
    { plain = false }: { readonly plain?: boolean } = {},
  ) {
    const { key, keyGroups, nullKeys } = form
    this.index = new KeyIndex({ key, keyGroups, nullKeys, plain })
    this.table = new StateTable(form.state, { plain })
    const { index, table, memory } = this
    this.state = new OperatorState({ operator, form, index, table, memory })
  }

  /** Sets the state of these keys, or clears it. */
  set(entries: readonly { readonly key: Row; readonly state: Row | null }[]): void {
    const keys = batchFromRows(
      this.form.key,
      entries.map(({ key }) => key),
    )
    const blank = Object.fromEntries(this.form.state.fields.map(({ name }) => [name, null]))
    const clear = new Uint8Array(Math.ceil(entries.length / 8))
    entries.forEach(({ state }, i) => state === null && setBit(clear, i))
    const state = batchFromRows(
      this.form.state,
      entries.map(each => each.state ?? blank),
    )
    this.table.apply(this.index.resolve(keys), state, clear)
  }

  /** Counts of users, as most tests change them. */
  count(counts: Readonly<Record<string, number | null>>): void {
    const entries = Object.entries(counts)
    this.set(
      entries.map(([user, n]) => ({
        key: { user },
        state: n === null ? null : { n: BigInt(n), label: `${user} ${n}` },
      })),
    )
  }

  take(epoch: number): readonly StateBlock[] {
    return this.state.take(epoch)
  }

  /** Which keys came and went, in the epochs that were taken since this was asked before. */
  takeKeys(): readonly KeyDigestChange[] {
    return [this.state.takeKeys() ?? []].flat()
  }

  groupOf(user: string): number {
    const [slot = 0] = this.index.resolve(batchFromRows(this.form.key, [{ user }]))
    return this.index.groupOf[slot] ?? 0
  }

  restore(block: StoredBlock): void {
    this.state.restore(block)
  }

  /** Everything that has state, by the text of its key. */
  all(): Readonly<Record<string, Row>> {
    const slots = this.table.presentSlots()
    const keys = rowsOf(this.index.keysOf(slots))
    const states = rowsOf(this.table.gather(slots).state)
    return Object.fromEntries(keys.map((key, i) => [textOf(key), states[i] ?? {}]))
  }

  /** `n` of each user. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.all()).map(([key, row]) => [key, Number(row['n'])]))
  }
}

const textOf = (key: Row): string => Object.values(key).map(show).join('|')
const show = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)

export const stored = (block: StateBlock, superseded: ReadonlySet<number> | null = null): StoredBlock => ({
  operator: block.operator,
  bytes: block.bytes,
  form: block.form,
  superseded,
})

/** Rows of a block that say that their key is deleted. */
export function deletedRows(block: StateBlock): number {
  const { deleted, keys }: { deleted: Uint8Array; keys: Batch } = readBlock(stored(block))
  return Array.from({ length: keys.rows }, (_, i) => bitAt(deleted, i)).filter(bit => bit === 1).length
}
