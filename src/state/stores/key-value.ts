/**
 * Key values: what a state store needs of a database, and where one lies. classic-level is one; the simulation has its
 * own, whose disk tears, loses and refuses what it likes.
 */
export interface Put {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Keys in [from, to), by unsigned bytes. */
export interface KeyRange {
  readonly from?: Uint8Array
  readonly to?: Uint8Array
  readonly reverse?: boolean
  readonly limit?: number
}

/** What can be asked of a database. */
export interface KeyReader {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>
  entries(range: KeyRange): AsyncIterable<Put>
  /** Can be called twice. */
  close(): Promise<void>
}

export interface KeyValue extends KeyReader {
  /** What is there now, whatever is written afterwards. */
  snapshot(): KeyReader
  /** All or nothing, and on the disk when it settles. After an error nobody knows which: close it and open another one. */
  write(puts: Iterable<Put>, gone?: Iterable<Uint8Array>): Promise<void>
  /**
   * Takes out what nobody reads any more, and gives its room back. Beside writes; whether it is on the disk when the process
   * dies does not matter. Keys that are not there are fine.
   */
  forget(keys: readonly Uint8Array[]): Promise<void>
}

/** The least that is known to be in a store: a store that has less lost something. */
export interface Head {
  readonly epoch: number
  /** SHA-256 of that epoch's record, hex. */
  readonly digest: string
}

/** Where a key value lies, for as long as a run has it. */
export interface StorePlace {
  /** For errors. */
  readonly path: string
  readonly lineage: string
  /** Null before the first epoch. */
  readonly head: Head | null
  /** What a run that went on from it found wrong behind its start, in words; null: nothing. */
  readonly condemned: string | null
  /**
   * Opens a copy of what is there, or an empty one at the first start. What was there before stays as it is until `keep`,
   * so that nothing is changed where the copy turns out to be damaged.
   */
  open(): Promise<KeyValue>
  /**
   * The database for state that memory has no room for, of what was opened last.
   *
   * @param create whether it is made where it is not there; otherwise null.
   */
  openCold(create: boolean): Promise<KeyValue | null>
  /** What was opened last is whole and about to be written: it takes the place of the one before. */
  keep(head: Head | null): Promise<void>
  /** This epoch was written; quick, and need not survive the machine. */
  note(head: Head): void
  /** What is there is not what was written, and no run may go on from it; not while `keep` is under way. */
  condemn(words: string): Promise<void>
  /** Bytes that can still be written to this disk. */
  freeBytes(): Promise<number>
  /** Keeps some bytes in reserve, where there is room; and gives them back. */
  reserve(): Promise<void>
  giveBack(): Promise<void>
  /** Lets it go; what was opened and not kept is gone. Can be called twice. */
  close(): Promise<void>
}
