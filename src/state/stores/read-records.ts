/** Reads the chain of epoch records back from the newest to one that lists all blocks, and believes none without its digest. */
import { StateError } from '../../base/index.js'
import { type KeyValue, type StorePlace } from './key-value.js'
import { type EpochRecord, decodeFinished, decodeRecord, keyOf, kinds, partsOf } from './record.js'

export interface FoundRecords {
  /** Not finished, and older than the first of `records`: oldest first. */
  readonly older: readonly EpochRecord[]
  /** Oldest first; the first one that is replayed lists all blocks. */
  readonly records: readonly EpochRecord[]
  readonly finished: number
}

/** @throws StateError ANB6010 where the chain is broken, or is shorter than it was. */
export async function readRecords(kv: KeyValue, place: StorePlace): Promise<FoundRecords> {
  const newest = await readNewest(kv)
  checkHead(newest, place)
  if (newest === null) return { older: [], records: [], finished: 0 }
  const records = [newest]
  let first = newest
  while (!first.head.full && first.head.previous !== '') {
    first = await readBefore(kv, first)
    records.unshift(first)
  }
  const finished = Math.max(newest.head.finished, await readFinished(kv, newest))
  return { older: await readOlder(kv, first, finished), records, finished }
}

/** Records before one that lists all blocks are gone, but for those of epochs that were not finished when it was written. */
async function readOlder(kv: KeyValue, full: EpochRecord, finished: number): Promise<readonly EpochRecord[]> {
  const older: EpochRecord[] = []
  const from = keyOf(finished + 1, 0)
  for await (const { key, value } of kv.entries({ from, to: keyOf(full.head.epoch, 0), reverse: true })) {
    const { epoch, kind } = partsOf(key)
    if (kind !== kinds.record) continue
    const record = decodeRecord(epoch, value)
    if (record.digest !== (older[0] ?? full).head.previous)
      throw new StateError('ANB6010', `the record of epoch ${epoch} is another one than was written`)
    older.unshift(record)
  }
  return older
}

async function readNewest(kv: KeyValue): Promise<EpochRecord | null> {
  for await (const { key } of kv.entries({ reverse: true, limit: 1 })) {
    const { epoch } = partsOf(key)
    const value = await kv.get(keyOf(epoch, kinds.record))
    if (value === undefined) throw new StateError('ANB6010', `epoch ${epoch} has blocks and no record`)
    return decodeRecord(epoch, value)
  }
  return null
}

/** The head is a lower bound: what is noted there was on disk once. */
function checkHead(newest: EpochRecord | null, { head, path }: StorePlace): void {
  if (head === null) return
  const epoch = newest?.head.epoch ?? 0
  if (epoch > head.epoch || (epoch === head.epoch && newest?.digest === head.digest)) return
  throw new StateError('ANB6010', `state in ${path} ends with epoch ${epoch}, but had epoch ${head.epoch}`, {
    detail: 'Its files were damaged, or replaced by an older copy. Nothing was changed.',
  })
}

/** Epochs may leave numbers out, so the record before is looked for, not counted. */
async function readBefore(kv: KeyValue, { head }: EpochRecord): Promise<EpochRecord> {
  for await (const { key, value } of kv.entries({ to: keyOf(head.epoch, 0), reverse: true })) {
    const { epoch, kind } = partsOf(key)
    if (kind !== kinds.record) continue
    const before = decodeRecord(epoch, value)
    if (before.digest === head.previous) return before
    break
  }
  throw new StateError('ANB6010', `the record before epoch ${head.epoch} is missing or is another one`)
}

async function readFinished(kv: KeyValue, newest: EpochRecord): Promise<number> {
  const value = await kv.get(keyOf(newest.head.epoch, kinds.finished))
  if (value === undefined) return 0
  const finished = decodeFinished(value, newest.digest)
  if (finished !== null) return finished
  throw new StateError('ANB6010', `what is finished after epoch ${newest.head.epoch} is not what was written`)
}
