/**
 * What a cold store has to have: how many entries of each operator and key group, what their sums add up to, and the columns
 * that they were written with. Written in one step with the entries, so one that is gone is found as well as one that is
 * another one now.
 */
import { crc32c } from '../../kernels/index.js'
import { type StateFormJson } from '../block-schema.js'

interface OperatorTally {
  /** By key group. */
  readonly entries: Int32Array
  readonly sums: Float64Array
  /** In the order in which they were used, each with its defaults. Entries say which one by its number. */
  readonly forms: readonly StateFormJson[]
}

interface OperatorTallyJson {
  readonly operator: string
  readonly keyGroups: number
  /** Key group, entries, sum. */
  readonly groups: readonly (readonly [number, number, number])[]
  readonly forms: readonly StateFormJson[]
}

interface TallyJson {
  readonly writes: number
  readonly operators: readonly OperatorTallyJson[]
}

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

  /** null where the bytes are not what `encode` gave. */
  static decode(bytes: Uint8Array): ColdTally | null {
    const { buffer, byteOffset, byteLength } = bytes
    if (byteLength < 4) return null
    const body = bytes.subarray(4)
    if (new DataView(buffer, byteOffset).getUint32(0, true) !== crc32c(body)) return null
    // What has its check sum was written by `encode`.
    const json: TallyJson = JSON.parse(new TextDecoder().decode(body))
    return new ColdTally(
      json.writes,
      json.operators.map(each => [each.operator, tallyFrom(each)]),
    )
  }

  encode(): Uint8Array {
    const operators = [...this.byOperator].map(([operator, { entries, sums, forms }]): OperatorTallyJson => {
      const groups = [...entries.keys()].filter(g => entries[g] !== 0 || sums[g] !== 0)
      const tallies = groups.map(g => [g, entries[g] ?? 0, sums[g] ?? 0] as const)
      return { operator, keyGroups: entries.length, groups: tallies, forms }
    })
    const json: TallyJson = { writes: this.writes, operators }
    const body = new TextEncoder().encode(JSON.stringify(json))
    const bytes = new Uint8Array(4 + body.length)
    bytes.set(body, 4)
    new DataView(bytes.buffer).setUint32(0, crc32c(body), true)
    return bytes
  }

  copy(): ColdTally {
    const operators = [...this.byOperator].map(([operator, { entries, sums, forms }]) => {
      return [operator, { entries: entries.slice(), sums: sums.slice(), forms }] as const
    })
    return new ColdTally(this.writes, operators)
  }

  /** The same operators without an entry. */
  empty(): ColdTally {
    const empty = this.copy()
    for (const { entries, sums } of empty.byOperator.values()) {
      entries.fill(0)
      sums.fill(0)
    }
    return empty
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
    const none = { entries: new Int32Array(form.keyGroups), sums: new Float64Array(form.keyGroups), forms: [] }
    const { forms, ...counts } = known ?? none
    this.byOperator.set(operator, { ...counts, forms: [...forms, form] })
    return forms.length
  }

  /** Key groups of an operator. */
  groupsOf(operator: string): number {
    return this.byOperator.get(operator)?.entries.length ?? 0
  }

  entriesOf(operator: string): number {
    return this.byOperator.get(operator)?.entries.reduce((sum, entries) => sum + entries, 0) ?? 0
  }

  /** Entries of these key groups came, or went; each with its sum, 0: there is none. */
  count(operator: string, groups: Uint16Array, by: 1 | -1, each: Uint32Array): void {
    const { entries, sums } = this.byOperator.get(operator) ?? { entries: new Int32Array(0), sums: new Float64Array(0) }
    for (let i = 0; i < groups.length; i++) {
      const [group, sum] = [groups[i] ?? 0, each[i] ?? 0]
      if (sum === 0) continue
      entries[group] = (entries[group] ?? 0) + by
      sums[group] = ((sums[group] ?? 0) + by * sum + sumModulus) % sumModulus
    }
  }

  /** The first key group that has other entries than another tally, in words; null where there is none. */
  difference(other: ColdTally): string | null {
    for (const [operator, mine] of this.byOperator) {
      const others = other.byOperator.get(operator)
      const isOther = (entries: number, g: number): boolean =>
        entries !== others?.entries[g] || mine.sums[g] !== others.sums[g]
      const group = mine.entries.findIndex(isOther)
      if (group >= 0) return `key group ${group} of operator "${operator}"`
    }
    return null
  }
}

function tallyFrom({ keyGroups, groups, forms }: OperatorTallyJson): OperatorTally {
  const [entries, sums] = [new Int32Array(keyGroups), new Float64Array(keyGroups)]
  for (const [group, count, sum] of groups) {
    entries[group] = count
    sums[group] = sum
  }
  return { entries, sums, forms }
}
