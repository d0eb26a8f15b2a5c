/** What a state store is told, and what it counts. */
import { type StateBlock } from '../block.js'
import { type KeyDigestChange } from '../key-digest.js'
import { type StorePlace } from './key-value.js'

/** What the coordinator wrote with an epoch. */
export interface EpochBytes {
  readonly epoch: number
  readonly bytes: Uint8Array
}

/** What became of state in an epoch. */
export interface EpochState {
  readonly blocks: readonly StateBlock[]
  /** Null: nobody counts keys. */
  readonly keys: readonly KeyDigestChange[] | null
  /** Operators of which nothing is stored any more. */
  readonly dropped: readonly string[]
}

export interface StateStoreOptions {
  readonly place: StorePlace
  /** Waits before a write is tried again. */
  readonly pause: (ms: number) => Promise<void>
  /** Blocks and records that nobody needs, before their room is given back; default 4,096. */
  readonly deadCountMax?: number
  /** State may be larger than memory: a place for it is made. */
  readonly cold?: boolean
  /** Free bytes of the disk below which `spaceLow` is true; default 64 MiB. */
  readonly spaceMin?: number
}

/** What was written so far, for the bench and for `status`. */
export interface StoreCounts {
  epochs: number
  /** Of blocks and records, as they were given to the database. */
  bytesWritten: number
  /** Of those the bytes of rows that changed in their epoch. */
  bytesChanged: number
  /** Of entries beyond memory. */
  bytesBeyond: number
  /** Handles that were closed after a write error. */
  reopened: number
}
