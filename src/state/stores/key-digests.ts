/**
 * Key digests of all operators as the records of epochs say them: each what changed in its epoch, and one that lists all blocks
 * all of them. A key group is 10 bytes: its number (u16), its keys (u32) and their digest (u32), little-endian, in base64.
 */
import { KeyDigest, type KeyDigestChange, noKeys } from '../key-digest.js'

/** By operator: how many key groups there are, and those that are listed. */
export type KeyDigestsJson = Readonly<Record<string, readonly [number, string]>>

const groupBytes = 10

export class KeyDigests {
  private readonly all = new Map<string, KeyDigest>()
  /** Versions before did not count. */
  private isKnown = true

  /** By operator; null: nobody counted. */
  get byOperator(): ReadonlyMap<string, KeyDigest> | null {
    return this.isKnown ? new Map([...this.all].map(([operator, digest]) => [operator, digest.copy()])) : null
  }

  /**
   * What an epoch changed; null: nobody counted. Of what was dropped no key is left. Answers what its record says, `full` of all
   * operators.
   */
  add(
    changes: readonly KeyDigestChange[] | null,
    { dropped, full }: { readonly dropped: readonly string[]; readonly full: boolean },
  ): KeyDigestsJson | undefined {
    this.isKnown = changes !== null
    if (changes === null) return undefined
    const gone = dropped.map(operator => noKeys(operator, this.all.get(operator)?.keyGroups ?? 0))
    const changed = [...gone, ...changes]
    for (const change of changed) this.set(change)
    const told = full ? [...this.all].map(([operator, digest]) => digest.whole(operator)) : changed
    return Object.fromEntries(
      told.map(change => [change.operator, [change.keyGroups, encodeKeyGroups(change)] as const]),
    )
  }

  /** What `add` did in another run. */
  replay(json: KeyDigestsJson | undefined, full: boolean): void {
    this.isKnown = json !== undefined
    if (full) this.all.clear()
    for (const [operator, [keyGroups, text]] of Object.entries(json ?? {}))
      this.set(decodeKeyGroups(operator, keyGroups, text))
  }

  private set(change: KeyDigestChange): void {
    const digest = this.all.get(change.operator) ?? new KeyDigest(change.keyGroups)
    digest.set(change)
    if (digest.total === 0) this.all.delete(change.operator)
    else this.all.set(change.operator, digest)
  }
}

export function encodeKeyGroups({ groups, keys, sums }: KeyDigestChange): string {
  const view = new DataView(new ArrayBuffer(groupBytes * groups.length))
  groups.forEach((group, i) => {
    view.setUint16(groupBytes * i, group, true)
    view.setUint32(groupBytes * i + 2, keys[i] ?? 0, true)
    view.setUint32(groupBytes * i + 6, sums[i] ?? 0, true)
  })
  return Buffer.from(view.buffer).toString('base64')
}

export function decodeKeyGroups(operator: string, keyGroups: number, text: string): KeyDigestChange {
  const bytes = Buffer.from(text, 'base64')
  const rows = Array.from({ length: Math.floor(bytes.length / groupBytes) }, (_, i) => groupBytes * i)
  return {
    operator,
    keyGroups,
    groups: Uint16Array.from(rows, at => bytes.readUInt16LE(at)),
    keys: Uint32Array.from(rows, at => bytes.readUInt32LE(at + 2)),
    sums: Uint32Array.from(rows, at => bytes.readUInt32LE(at + 6)),
  }
}
