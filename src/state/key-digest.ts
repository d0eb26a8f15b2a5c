/**
 * Key digest: how many keys with state an operator has in each key group, and what the hashes of their bytes add up to. It is
 * kept while keys come and go, in memory and beyond, so a key that changes costs nothing; the record of each epoch has it, and
 * a start counts anew what it was given back. So a key that is missing, foreign or there twice is found whatever lost it on
 * the way: check sums of blocks only say that what is read is what was written.
 */
import { StateError } from '../base/index.js'
import { crc32cRows } from '../kernels/index.js'
import { type ColdKeys } from './cold.js'
import { eachPiece } from './slots-by-group.js'

/** Key groups in which keys came or went, with what they have now. */
export interface KeyDigestChange {
  readonly operator: string
  readonly keyGroups: number
  readonly groups: Uint16Array
  /** How many, and the sum of their hashes modulo 2^32; of each of the groups. */
  readonly keys: Uint32Array
  readonly sums: Uint32Array
}

export class KeyDigest {
  /** By key group. */
  readonly keys: Uint32Array
  readonly sums: Uint32Array
  private readonly changed: Uint8Array

  constructor(readonly keyGroups: number) {
    this.keys = new Uint32Array(keyGroups)
    this.sums = new Uint32Array(keyGroups)
    this.changed = new Uint8Array(keyGroups)
  }

  /** Keys came, or went. */
  count({ groups, keys }: ColdKeys, by: 1 | -1): void {
    const hashes = crc32cRows(keys.bytes, keys.ends)
    eachPiece(groups.length, (from, to) => this.countPiece(groups.subarray(from, to), hashes.subarray(from, to), by))
  }

  private countPiece(groups: Uint16Array, hashes: Uint32Array, by: 1 | -1): void {
    const { keys, sums, changed } = this
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i] ?? 0
      keys[group] = (keys[group] ?? 0) + by
      sums[group] = (sums[group] ?? 0) + by * (hashes[i] ?? 0)
      changed[group] = 1
    }
  }

  /** All keys of another one too. */
  add(other: KeyDigest): void {
    for (let group = 0; group < this.keyGroups; group++) {
      this.keys[group] = (this.keys[group] ?? 0) + (other.keys[group] ?? 0)
      this.sums[group] = (this.sums[group] ?? 0) + (other.sums[group] ?? 0)
      this.changed[group] = 1
    }
  }

  /** How many there are. */
  get total(): number {
    return this.keys.reduce((sum, keys) => sum + keys, 0)
  }

  /** What changed since this was asked before; null: nothing. */
  takeChange(operator: string): KeyDigestChange | null {
    const groups = Uint16Array.from(this.changed.keys()).filter(group => this.changed[group] === 1)
    this.changed.fill(0)
    return groups.length === 0 ? null : this.changeOf(operator, groups)
  }

  /** Of all key groups that have keys. */
  whole(operator: string): KeyDigestChange {
    return this.changeOf(
      operator,
      Uint16Array.from(this.keys.keys()).filter(group => this.keys[group] !== 0 || this.sums[group] !== 0),
    )
  }

  private changeOf(operator: string, groups: Uint16Array): KeyDigestChange {
    const keys = Uint32Array.from(groups, group => this.keys[group] ?? 0)
    const sums = Uint32Array.from(groups, group => this.sums[group] ?? 0)
    return { operator, keyGroups: this.keyGroups, groups, keys, sums }
  }

  set({ groups, keys, sums }: KeyDigestChange): void {
    groups.forEach((group, i) => {
      this.keys[group] = keys[i] ?? 0
      this.sums[group] = sums[i] ?? 0
    })
  }

  copy(): KeyDigest {
    const copy = new KeyDigest(this.keyGroups)
    copy.keys.set(this.keys)
    copy.sums.set(this.sums)
    return copy
  }
}

/** No key is left in any key group. */
export function noKeys(operator: string, keyGroups: number): KeyDigestChange {
  const groups = Uint16Array.from({ length: keyGroups }, (_, group) => group)
  return { operator, keyGroups, groups, keys: new Uint32Array(keyGroups), sums: new Uint32Array(keyGroups) }
}

/** Of which operator, where, and as of which epoch. */
export interface CountedState {
  readonly operator: string
  readonly place: string
  readonly epoch: number
}

/** @throws StateError ANB6019 where the keys that were found are not those that were counted when they were written */
export function expectKeys({ operator, place, epoch }: CountedState, expected: KeyDigest, found: KeyDigest): void {
  const isOther = (group: number): boolean =>
    expected.keys[group] !== found.keys[group] || expected.sums[group] !== found.sums[group]
  const others = [...expected.keys.keys()].filter(isOther)
  const [group] = others
  if (group === undefined) return
  const [had, has] = [expected.keys[group] ?? 0, found.keys[group] ?? 0]
  const what = had === has ? `other keys in key group ${group} than` : `${has} keys in key group ${group}, ${had}`
  throw new StateError('ANB6019', `operator "${operator}" has ${what} were written to ${place}`, {
    detail:
      `Epoch ${epoch} has ${had} keys with digest ${hex(expected, group)} there, ${has} with digest ${hex(found, group)} were read back. ` +
      `${others.length} of ${expected.keyGroups} key groups differ. No row was worked on, and nothing was put out.`,
  })
}

export const hex = ({ sums }: KeyDigest, group: number): string => (sums[group] ?? 0).toString(16).padStart(8, '0')
