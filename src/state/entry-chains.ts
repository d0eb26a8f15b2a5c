/**
 * Entry chains: which entries a key has, in the order in which it got them. Keys and entries are slots; each has its
 * place in a few int32 arrays, so that an entry costs 12 bytes and no object.
 */
const none = -1

export class EntryChains {
  private heads = filled(1024)
  private tails = filled(1024)
  private nexts = filled(1024)
  private befores = filled(1024)
  private owners = filled(1024)
  private total = 0

  /** Entries of all keys. */
  get size(): number {
    return this.total
  }

  /** Bytes that the chains hold. */
  get bytes(): number {
    return 4 * (2 * this.heads.length + 3 * this.nexts.length)
  }

  /** The key that has the entry, or -1. */
  ownerOf(entry: number): number {
    return this.owners[entry] ?? none
  }

  /** The key has an entry. */
  has(owner: number): boolean {
    return (this.heads[owner] ?? none) !== none
  }

  /** The entry, which nobody has, becomes the last one of the key. */
  append(owner: number, entry: number): void {
    this.makeRoom(owner, entry)
    const before = this.tails[owner] ?? none
    this.befores[entry] = before
    this.nexts[entry] = none
    this.owners[entry] = owner
    this.tails[owner] = entry
    if (before === none) this.heads[owner] = entry
    else this.nexts[before] = entry
    this.total += 1
  }

  /** Nobody has the entry any more. */
  remove(entry: number): void {
    const owner = this.ownerOf(entry)
    if (owner === none) return
    const before = this.befores[entry] ?? none
    const next = this.nexts[entry] ?? none
    if (before === none) this.heads[owner] = next
    else this.nexts[before] = next
    if (next === none) this.tails[owner] = before
    else this.befores[next] = before
    this.owners[entry] = none
    this.total -= 1
  }

  /** The key has these entries, all of them, in another order. */
  reorder(owner: number, entries: Int32Array): void {
    for (const entry of entries) this.remove(entry)
    for (const entry of entries) this.append(owner, entry)
  }

  /** How many entries each of these keys has, summed up: int32[k + 1] from 0, as offsets of a list column are. */
  offsets(owners: Int32Array): Int32Array {
    const offsets = new Int32Array(owners.length + 1)
    for (let i = 0; i < owners.length; i++) {
      let count = 0
      for (let e = this.heads[owners[i] ?? 0] ?? none; e !== none; e = this.nexts[e] ?? none) count += 1
      offsets[i + 1] = (offsets[i] ?? 0) + count
    }
    return offsets
  }

  /** The entries of these keys, key by key, each in order. */
  entriesOf(owners: Int32Array, offsets = this.offsets(owners)): Int32Array {
    const entries = new Int32Array(offsets[owners.length] ?? 0)
    let at = 0
    for (const owner of owners)
      for (let e = this.heads[owner] ?? none; e !== none; e = this.nexts[e] ?? none) entries[at++] = e
    return entries
  }

  private makeRoom(owner: number, entry: number): void {
    if (owner >= this.heads.length) {
      this.heads = grown(this.heads, owner)
      this.tails = grown(this.tails, owner)
    }
    if (entry < this.nexts.length) return
    this.nexts = grown(this.nexts, entry)
    this.befores = grown(this.befores, entry)
    this.owners = grown(this.owners, entry)
  }
}

const filled = (length: number): Int32Array => new Int32Array(length).fill(none)

function grown(list: Int32Array, index: number): Int32Array {
  const larger = filled(Math.max(index + 1, 2 * list.length))
  larger.set(list)
  return larger
}
