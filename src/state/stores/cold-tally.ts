/**
 * What a cold store has to have: how many entries of each operator and key group, what their sums add up to, and the columns
 * that they were written with. Written in one step with the entries, so one that is gone is found as well as one that is
 * another one now.
 */
import { crc32c } from '../../kernels/index.js'
import { type StateFormJson } from '../block-schema.js'

interface GroupTally {
  readonly entries: number
  readonly sum: number
}

interface OperatorTally {
  readonly groups: Map<number, GroupTally>
  readonly forms: Readonly<Record<number, StateFormJson>>
}

interface TallyJson {
  readonly writes: number
  readonly operators: Readonly<
    Record<
      string,
      {
        /** Key group, entries, sum. */
        readonly groups: readonly (readonly [number, number, number])[]
        readonly forms: OperatorTally['forms']
      }
    >
  >
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
    const operators = Object.entries(json.operators).map(([operator, { groups, forms }]) => {
      const tallies = groups.map(([group, entries, sum]) => [group, { entries, sum }] as const)
      return [operator, { groups: new Map(tallies), forms }] as const
    })
    return new ColdTally(json.writes, operators)
  }

  encode(): Uint8Array {
    const operators: Record<string, TallyJson['operators'][string]> = {}
    for (const [operator, { groups, forms }] of this.byOperator) {
      operators[operator] = { groups: [...groups].map(([g, { entries, sum }]) => [g, entries, sum]), forms }
    }
    const json: TallyJson = { writes: this.writes, operators }
    const body = new TextEncoder().encode(JSON.stringify(json))
    const bytes = new Uint8Array(4 + body.length)
    bytes.set(body, 4)
    new DataView(bytes.buffer).setUint32(0, crc32c(body), true)
    return bytes
  }

  copy(): ColdTally {
    return new ColdTally(
      this.writes,
      [...this.byOperator].map(([operator, { groups, forms }]) => [operator, { groups: new Map(groups), forms }]),
    )
  }

  get operators(): readonly string[] {
    return [...this.byOperator.keys()]
  }

  formOf(operator: string, schemaId: number): StateFormJson | undefined {
    return this.byOperator.get(operator)?.forms[schemaId]
  }

  learn(operator: string, schemaId: number, form: StateFormJson): void {
    const { groups, forms } = this.of(operator)
    this.byOperator.set(operator, { groups, forms: { ...forms, [schemaId]: form } })
  }

  entriesOf(operator: string): number {
    return [...(this.byOperator.get(operator)?.groups.values() ?? [])].reduce((sum, { entries }) => sum + entries, 0)
  }

  /** An entry with this sum came, or went. */
  count(operator: string, group: number, by: 1 | -1, sum: number): void {
    const { groups } = this.of(operator)
    const before = groups.get(group) ?? { entries: 0, sum: 0 }
    const after = { entries: before.entries + by, sum: (before.sum + by * sum + sumModulus) % sumModulus }
    if (after.entries === 0 && after.sum === 0) groups.delete(group)
    else groups.set(group, after)
  }

  private of(operator: string): OperatorTally {
    const known = this.byOperator.get(operator)
    if (known !== undefined) return known
    const tally = { groups: new Map<number, GroupTally>(), forms: {} }
    this.byOperator.set(operator, tally)
    return tally
  }

  /** The first key group that has other entries than another tally, in words; null where there is none. */
  difference(other: ColdTally): string | null {
    for (const operator of new Set([...this.operators, ...other.operators])) {
      const [mine, others] = [this.of(operator).groups, other.of(operator).groups]
      for (const group of new Set([...mine.keys(), ...others.keys()])) {
        const [a, b] = [mine.get(group), others.get(group)]
        if (a?.entries !== b?.entries || a?.sum !== b?.sum) return `key group ${group} of operator "${operator}"`
      }
    }
    return null
  }
}
