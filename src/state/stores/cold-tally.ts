/**
 * What a cold store has to have: the keys of the entries of each operator and key group, what the sums of the entries add up to, and
 * the columns that they were written with. Written in one step with the entries, so one that is gone is found as well as one that
 * is another one now, and a start knows which keys there are without reading them.
 */
import { crc32c } from '../../kernels/index.js'
import { type StateFormJson } from '../block-schema.js'
import { type ColdKeys } from '../cold.js'
import { KeyDigest } from '../key-digest.js'
import { packedOf } from '../packed.js'
import { damagedBeyond, otherVersionBeyond } from './open-place.js'
import { type GroupRange } from './snapshot.js'

interface OperatorTally {
  readonly keys: KeyDigest
  /** Of the entries, by key group. */
  readonly sums: Float64Array
  /** In the order in which they were used, each with its defaults. Entries say which one by its number. */
  readonly forms: readonly StateFormJson[]
}

interface OperatorTallyJson {
  readonly operator: string
  readonly keyGroups: number
  /** Key group, entries, sum, digest of their keys. */
  readonly groups: readonly (readonly [number, number, number, number])[]
  readonly forms: readonly StateFormJson[]
}

interface TallyJson {
  /** Of names, values and this. */
  readonly version: number
  readonly writes: number
  readonly operators: readonly OperatorTallyJson[]
}

/** Before it had a number there were two, the first without keys; names of the second end with numbers as keys do. */
export const tallyVersion = 3
const sumModulus = 2 ** 48

export class ColdTally {
  private readonly byOperator: Map<string, OperatorTally>

  constructor(
    /** Writes so far. */
    public writes = 0,
    operators: Iterable<readonly [string, OperatorTally]> = [],
  ) {
    this.byOperator = new Map(operators)
  }

  /**
   * @param path for errors.
   * @throws StateError ANB6010 where the bytes are not what `encode` gave, ANB6014 where another version did
   */
  static decode(bytes: Uint8Array, path: string): ColdTally {
    const { buffer, byteOffset, byteLength } = bytes
    const body = bytes.subarray(4)
    const isWhole = byteLength >= 4 && new DataView(buffer, byteOffset).getUint32(0, true) === crc32c(body)
    if (!isWhole) throw damagedBeyond(path, 'what it has to have is not what was written')
    // What has its check sum was written by `encode`.
    const json: Partial<TallyJson> = JSON.parse(new TextDecoder().decode(body))
    if (!isOfThisVersion(json)) throw otherVersionBeyond(path, json.version ?? 1, tallyVersion)
    return new ColdTally(
      json.writes,
      json.operators.map(each => [each.operator, tallyFrom(each)]),
    )
  }

  encode(): Uint8Array {
    const operators = [...this.byOperator].map(([operator, { keys, sums, forms }]): OperatorTallyJson => {
      const groups = [...sums.keys()].filter(g => keys.keys[g] !== 0 || sums[g] !== 0)
      const tallies = groups.map(g => [g, keys.keys[g] ?? 0, sums[g] ?? 0, keys.sums[g] ?? 0] as const)
      return { operator, keyGroups: sums.length, groups: tallies, forms }
    })
    const json: TallyJson = { version: tallyVersion, writes: this.writes, operators }
    const body = new TextEncoder().encode(JSON.stringify(json))
    const bytes = new Uint8Array(4 + body.length)
    bytes.set(body, 4)
    new DataView(bytes.buffer).setUint32(0, crc32c(body), true)
    return bytes
  }

  copy(): ColdTally {
    const operators = [...this.byOperator].map(([operator, { keys, sums, forms }]) => {
      return [operator, { keys: keys.copy(), sums: sums.slice(), forms }] as const
    })
    return new ColdTally(this.writes, operators)
  }

  get operators(): readonly string[] {
    return [...this.byOperator.keys()]
  }

  formsOf(operator: string): readonly StateFormJson[] {
    return this.byOperator.get(operator)?.forms ?? []
  }

  /** The number of a form; one that is not that of before gets the next. */
  learn(operator: string, form: StateFormJson): number {
    const known = this.byOperator.get(operator)
    const last = known?.forms.at(-1)
    if (known !== undefined && JSON.stringify(last) === JSON.stringify(form)) return known.forms.length - 1
    const none = { keys: new KeyDigest(form.keyGroups), sums: new Float64Array(form.keyGroups), forms: [] }
    const { forms, ...counts } = known ?? none
    this.byOperator.set(operator, { ...counts, forms: [...forms, form] })
    return forms.length
  }

  /** Nothing is left of an operator. */
  forget(operator: string): void {
    this.byOperator.delete(operator)
  }

  /** Key groups of an operator. */
  groupsOf(operator: string): number {
    return this.byOperator.get(operator)?.sums.length ?? 0
  }

  /** The keys of its entries; null: it never had any. */
  keysOf(operator: string): KeyDigest | null {
    return this.byOperator.get(operator)?.keys ?? null
  }

  /** Entries of these keys are other ones; each with its sum, 0: there is none. */
  count(operator: string, changed: ColdKeys, before: Uint32Array, after: Uint32Array): void {
    const tally = this.byOperator.get(operator)
    if (tally === undefined) return
    const { sums, keys } = tally
    for (const [i, group] of changed.groups.entries()) {
      const by = (after[i] ?? 0) - (before[i] ?? 0)
      sums[group] = ((sums[group] ?? 0) + by + sumModulus) % sumModulus
    }
    keys.count(
      rowsOf(changed, i => before[i] === 0 && after[i] !== 0),
      1,
    )
    keys.count(
      rowsOf(changed, i => before[i] !== 0 && after[i] === 0),
      -1,
    )
  }

  /** The first of some key groups that has other entries than another tally; null: none. */
  difference(operator: string, { first, last }: GroupRange, other: ColdTally): number | null {
    const [mine, others] = [this.byOperator.get(operator), other.byOperator.get(operator)]
    for (let group = first; group <= last; group++) {
      const isSame =
        mine?.keys.keys[group] === others?.keys.keys[group] &&
        mine?.keys.sums[group] === others?.keys.sums[group] &&
        mine?.sums[group] === others?.sums[group]
      if (!isSame) return group
    }
    return null
  }

  /** Of one operator, without an entry. */
  none(operator: string): ColdTally {
    const keyGroups = this.groupsOf(operator)
    const tally = { keys: new KeyDigest(keyGroups), sums: new Float64Array(keyGroups), forms: [] }
    return new ColdTally(0, [[operator, tally]])
  }
}

const isOfThisVersion = (json: Partial<TallyJson>): json is TallyJson => json.version === tallyVersion

function rowsOf({ groups, keys }: ColdKeys, isOne: (row: number) => boolean): ColdKeys {
  const at = Int32Array.from(groups.keys()).filter(isOne)
  return { groups: Uint16Array.from(at, i => groups[i] ?? 0), keys: packedOf(keys, at) }
}

function tallyFrom({ keyGroups, groups, forms }: OperatorTallyJson): OperatorTally {
  const [keys, sums] = [new KeyDigest(keyGroups), new Float64Array(keyGroups)]
  for (const [group, count, sum, keySum] of groups) {
    keys.keys[group] = count
    keys.sums[group] = keySum
    sums[group] = sum
  }
  return { keys, sums, forms }
}
