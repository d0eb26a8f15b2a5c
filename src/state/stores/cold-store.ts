/**
 * Cold store: the state of keys that memory has no room for, an entry a key and operator, in a database of its own: its keys
 * come in no order, and would make LevelDB merge the blocks of the epochs over and over.
 *
 *     key    u32 CRC32C of the operator's id, u16 key group, the key bytes; big-endian, so a group lies together
 *     value  u32 sum of the key and of what follows; u32 schema id; u64 epoch; the row (row-codec.ts)
 *
 * The last key is that of the tally (cold-tally.ts).
 *
 * An entry of epoch N is the state of its key at the end of epoch N. A block of an epoch after N that has the key has newer
 * state; one of N or before has the same or older state, whatever it has superseded. So an entry stays right when bases are
 * written without it, and a stale one has to go before its key is left out of one.
 */
import { StateError } from '../../base/index.js'
import { crc32c } from '../../kernels/index.js'
import { type StateForm, formFromJson, formId, formToJson } from '../block-schema.js'
import { type ColdChange, type ColdKey, type ColdRow } from '../cold.js'
import { ColdTally } from './cold-tally.js'
import { type KeyReader, type KeyValue, type Put } from './key-value.js'
import { type GroupRange } from './snapshot.js'

const headBytes = 16
const nameBytes = 6
const entriesAtOnce = 1024
const none = new Uint8Array(0)
const allGroups: GroupRange = { first: 0, last: 65_534 }
const tallyName = new Uint8Array(nameBytes).fill(255)
const text = new TextEncoder()

/** The entries as they were at one moment. */
export type ColdReader = Pick<ColdStore, 'operators' | 'rowsOf' | 'read' | 'entries' | 'close'>

export class ColdStore {
  private tally = new ColdTally()
  private readonly operatorIds = new Map<string, number>()
  private readonly formIds = new Map<StateForm, number>()
  private readonly forms = new Map<string, StateForm>()

  private constructor(
    private kv: KeyValue,
    private readonly path: string,
    private reader: KeyReader = kv,
  ) {}

  /**
   * Looks at every entry.
   *
   * @param writes as many writes as are known to have been made.
   * @throws StateError ANB6010 where an entry is missing or is not what was written.
   */
  static async open(kv: KeyValue, path: string, writes: number): Promise<ColdStore> {
    const store = new ColdStore(kv, path)
    await store.verify(writes)
    return store
  }

  /** Grows with each write. */
  get writes(): number {
    return this.tally.writes
  }

  get operators(): readonly string[] {
    return this.tally.operators.filter(operator => this.rowsOf(operator) > 0)
  }

  /** Entries of an operator. */
  rowsOf(operator: string): number {
    return this.tally.entriesOf(operator)
  }

  /** null for a key that has no state here. */
  async read(operator: string, keys: readonly ColdKey[]): Promise<readonly (ColdRow | null)[]> {
    if (this.rowsOf(operator) === 0) return keys.map(() => null)
    const id = this.idOf(operator)
    const names = keys.map(({ group, key }) => nameOf(id, group, key))
    const values = await this.reader.getMany(names)
    return names.map((name, i) => {
      const value = values[i]
      return value === undefined ? null : this.rowIn(operator, name, value)
    })
  }

  /**
   * Writes entries, all or none. After an error nobody knows which: the same changes may be written again through another
   * handle (`useHandle`), and nothing else before them.
   *
   * @returns the sum of each entry; 0 where it goes.
   */
  async write(changes: readonly ColdChange[]): Promise<Uint32Array<ArrayBuffer>> {
    const tally = this.tally.copy()
    tally.writes += 1
    const sums = new Uint32Array(changes.length)
    const puts: Put[] = []
    const gone: Uint8Array[] = []
    for (const [i, change] of changes.entries()) {
      const { operator, group, row, before } = change
      const key = nameOf(this.idOf(operator), group, change.key)
      if (before !== 0) tally.count(operator, group, -1, before)
      if (row === null) gone.push(key)
      else {
        const value = this.valueOf(tally, key, change, row)
        puts.push({ key, value })
        sums[i] = sumOf(value)
        tally.count(operator, group, 1, sumOf(value))
      }
    }
    puts.push({ key: tallyName, value: tally.encode() })
    await this.kv.write(puts, gone)
    this.tally = tally
    return sums
  }

  /** The database was opened again. */
  useHandle(kv: KeyValue): void {
    this.kv = kv
    this.reader = kv
  }

  /** All entries of an operator, by key group and key; some at once. */
  async *entries(operator: string, groups: GroupRange = allGroups): AsyncIterable<readonly (ColdKey & ColdRow)[]> {
    const id = this.idOf(operator)
    let some: (ColdKey & ColdRow)[] = []
    const range = { from: nameOf(id, groups.first, none), to: nameOf(id, groups.last + 1, none) }
    for await (const { key, value } of this.reader.entries(range)) {
      some.push({ group: groupIn(key), key: key.subarray(nameBytes), ...this.rowIn(operator, key, value) })
      if (some.length < entriesAtOnce) continue
      yield some
      some = []
    }
    if (some.length > 0) yield some
  }

  /** To be read while others are written. */
  snapshot(): ColdReader {
    const view = new ColdStore(this.kv, this.path, this.kv.snapshot())
    view.tally = this.tally
    return view
  }

  close(): Promise<void> {
    return this.reader.close()
  }

  private async verify(writes: number): Promise<void> {
    const written = await this.kv.get(tallyName)
    const tally = written === undefined ? new ColdTally() : ColdTally.decode(written)
    if (tally === null) throw this.damaged('what it has to have is not what was written')
    if (tally.writes < writes) throw this.damaged(`it has seen ${tally.writes} writes of ${writes}`)
    const operators = new Map(tally.operators.map(operator => [this.idOf(operator), operator]))
    const found = new ColdTally()
    for await (const { key, value } of this.kv.entries({ to: tallyName })) {
      const operator = key.length < nameBytes ? undefined : operators.get(idIn(key))
      if (operator === undefined) throw this.damaged('it has an entry that nobody wrote')
      found.count(operator, groupIn(key), 1, this.checked(key, value))
    }
    const difference = tally.difference(found)
    if (difference !== null) throw this.damaged(`${difference} has other entries than were written`)
    this.tally = tally
  }

  private rowIn(operator: string, key: Uint8Array, value: Uint8Array): ColdRow {
    const sum = this.checked(key, value)
    const view = viewOf(value)
    const form = this.formOf(operator, view.getUint32(4, true))
    return { form, epoch: Number(view.getBigUint64(8, true)), row: value.subarray(headBytes), sum }
  }

  /** Its sum. */
  private checked(key: Uint8Array, value: Uint8Array): number {
    const sum = value.length < headBytes ? 0 : sumOf(value)
    if (sum !== 0 && sum === checkSum(key, value)) return sum
    throw this.damaged(`an entry of key group ${groupIn(key)} is not what was written`)
  }

  private formOf(operator: string, schemaId: number): StateForm {
    const name = `${schemaId} ${operator}`
    const known = this.forms.get(name)
    if (known !== undefined) return known
    const json = this.tally.formOf(operator, schemaId)
    if (json === undefined) throw this.damaged(`nobody knows the columns of an entry of operator "${operator}"`)
    const form = formFromJson(json)
    this.forms.set(name, form)
    return form
  }

  private valueOf(
    tally: ColdTally,
    key: Uint8Array,
    { operator, form, epoch }: ColdChange,
    row: Uint8Array,
  ): Uint8Array {
    const schemaId = this.formIds.get(form) ?? formId(form)
    this.formIds.set(form, schemaId)
    if (tally.formOf(operator, schemaId) === undefined) tally.learn(operator, schemaId, formToJson(form))
    const value = new Uint8Array(headBytes + row.length)
    const view = viewOf(value)
    view.setUint32(4, schemaId, true)
    view.setBigUint64(8, BigInt(epoch), true)
    value.set(row, headBytes)
    view.setUint32(0, checkSum(key, value), true)
    return value
  }

  private damaged(why: string): StateError {
    return new StateError('ANB6010', `state beyond memory in ${this.path} is damaged: ${why}`, {
      detail: 'Nothing was changed.',
    })
  }

  private idOf(operator: string): number {
    const id = this.operatorIds.get(operator) ?? crc32c(text.encode(operator))
    this.operatorIds.set(operator, id)
    return id
  }
}

function nameOf(id: number, group: number, key: Uint8Array): Uint8Array {
  const name = new Uint8Array(nameBytes + key.length)
  const view = viewOf(name)
  view.setUint32(0, id)
  view.setUint16(4, group)
  name.set(key, nameBytes)
  return name
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)
const idIn = (key: Uint8Array): number => viewOf(key).getUint32(0)
const groupIn = (key: Uint8Array): number => viewOf(key).getUint16(4)
const sumOf = (value: Uint8Array): number => viewOf(value).getUint32(0, true)

/** Of the key and of all of the value behind its sum. 0 says that there is no entry, so it is 1 there. */
const checkSum = (key: Uint8Array, value: Uint8Array): number =>
  (crc32c(key) ^ Math.imul(crc32c(value.subarray(4)), 3)) >>> 0 || 1
