/**
 * State store: what a job's epochs leave on disk. One PREPARE is one synced write of the epoch's record and its blocks,
 * and nothing else decides. LevelDB is not believed: records are chained by digest, blocks have their length and check sum
 * in the records, and all of it is looked at before a row of state leaves.
 */
import { StateError, failpoint } from '../../base/index.js'
import { type StateBlock } from '../block.js'
import { type StateForm } from '../block-schema.js'
import { type ColdAnswer, type ColdChanges, type ColdPage, type ColdPlace, type ColdQuestion } from '../cold.js'
import { type KeyDigest, type KeyDigestChange } from '../key-digest.js'
import { type StoredBlock } from '../restore.js'
import { checkEntries, orCondemned } from './cold-check.js'
import { ColdWriter } from './cold-writer.js'
import { DiskSpace } from './disk-space.js'
import { Forgetting } from './forgetting.js'
import { Generations } from './generations.js'
import { Handles } from './handles.js'
import { KeyDigests } from './key-digests.js'
import { type Put } from './key-value.js'
import { Manifest } from './manifest.js'
import { Persistence, type Write } from './persistence.js'
import { damaged } from './open-place.js'
import { readBlocks } from './read-blocks.js'
import { readRecords } from './read-records.js'
import { Snapshot } from './snapshot.js'
import { type EpochBytes, type EpochState, type StateStoreOptions, type StoreCounts } from './store-options.js'
import { type EpochRecord, decodeRecord, digestOf, encodeFinished, encodeRecord, keyOf, kinds } from './record.js'

export class StateStore {
  readonly counts: StoreCounts = { epochs: 0, bytesWritten: 0, bytesChanged: 0, bytesBeyond: 0, reopened: 0 }
  private readonly digests = new KeyDigests()
  private records: EpochBytes[] = []
  private digest = ''
  private finished = 0
  /** `finish` that no record has yet. */
  private finishedOnDisk = 0
  private recordKeys: number[] = []
  private tail: Promise<void> = Promise.resolve()
  private closing: Promise<void> | null = null
  private readonly persistence: Persistence
  /** Snapshots that somebody reads. */
  private pins = 0
  private readonly awaitFinish = new Set<{ readonly epoch: number; readonly settle: () => void }>()
  private readonly space: DiskSpace
  private readonly forgetting: Forgetting
  private readonly generations = new Generations()
  private readonly cold: ColdWriter
  private readonly condemn = (words: string): Promise<void> => this.inTurn(() => this.options.place.condemn(words))

  private constructor(
    private readonly options: StateStoreOptions,
    private readonly handles: Handles,
    private readonly manifest: Manifest,
  ) {
    const { place, pause, spaceMin } = options
    this.space = new DiskSpace(place, pause, spaceMin)
    this.persistence = new Persistence({ path: place.path, pause, reopened: write => this.reopened(write) })
    this.forgetting = new Forgetting(manifest, options.deadCountMax)
    const { persistence, generations } = this
    this.cold = new ColdWriter({
      handles,
      persistence,
      generations,
      head: () => this.head(),
      inTurn: step => this.inTurn(step),
      isClosing: () => this.closing !== null,
    })
  }

  /**
   * Opens what is there and looks at all of it; of what lies beyond memory at its bytes (`checkCold`). Until the first write it is
   * as it was, whoever else refuses the run.
   *
   * @throws StateError ANB6010 where anything is missing or not what was written.
   */
  static async open(options: StateStoreOptions): Promise<StateStore> {
    const handles = await Handles.open(options.place)
    const manifest = new Manifest()
    const store = new StateStore(options, handles, manifest)
    try {
      const writes = await store.load()
      await handles.openCold({ writes, generations: store.generations }, options.cold === true)
      await readBlocks(handles, manifest.live, () => undefined)
    } catch (error) {
      await handles.close()
      await options.place.close()
      throw damaged(options.place.path, error)
    }
    return store
  }

  /** The newest epoch that was prepared; null before the first. */
  get last(): EpochBytes | null {
    return this.records.at(-1) ?? null
  }

  /** Prepared and not finished, oldest first. */
  get unfinished(): readonly EpochBytes[] {
    return this.records.filter(({ epoch }) => epoch > this.finished)
  }

  /** Its folder. */
  get path(): string {
    return this.options.place.path
  }

  get lineage(): string {
    return this.options.place.lineage
  }

  /** The disk has little room left: epochs under way can still be written, and nothing new should be taken in. */
  get spaceLow(): boolean {
    return this.space.isLow
  }

  /** Settles once the disk has room again, or the store is closed. */
  roomAgain(): Promise<void> {
    return this.space.roomAgain(() => this.closing !== null)
  }

  /** Bytes of the live blocks. */
  get liveBytes(): number {
    return this.manifest.bytes
  }

  /** Bytes of the live blocks of an operator. */
  bytesOf(operator: string): number {
    return this.manifest.of(operator).reduce((sum, block) => sum + block.bytes, 0)
  }

  get liveBlocks(): number {
    return this.manifest.live.length
  }

  /** Operators that have state, each with the columns that it was last written with. */
  get operators(): readonly { readonly operator: string; readonly form: StateForm; readonly rows: number }[] {
    return this.manifest.operators.flatMap(operator => {
      const form = this.manifest.newestForm(operator)
      const rows = this.manifest.of(operator).reduce((sum, block) => sum + block.rows, this.coldRowsOf(operator))
      return form === undefined ? [] : [{ operator, form, rows }]
    })
  }

  /**
   * One synced, atomic write. Epochs come in order; a call may come before the one before it has settled.
   *
   * @param keys which keys came and went; null: nobody counts them.
   * @param dropped operators of which nothing is stored any more.
   * @throws StateError ANB6011 where it could not be written after several tries on fresh handles.
   */
  prepare(
    epoch: number,
    record: Uint8Array,
    blocks: readonly StateBlock[],
    keys: readonly KeyDigestChange[] | null = null,
    dropped: readonly string[] = [],
  ): Promise<void> {
    return this.inTurn(() => this.write({ epoch, bytes: record }, { blocks, keys, dropped }))
  }

  /** Notes that all sinks have applied it; on disk with the next `prepare`, or with `close`. */
  finish(epoch: number): void {
    this.finished = Math.max(this.finished, epoch)
    this.records = this.records.filter(each => each.epoch > this.finished || each === this.last)
    for (const waiting of this.awaitFinish) {
      if (waiting.epoch > this.finished) continue
      this.awaitFinish.delete(waiting)
      waiting.settle()
    }
  }

  /** Settles when all sinks have applied the epoch. */
  whenFinished(epoch: number): Promise<void> {
    if (epoch <= this.finished) return Promise.resolve()
    return new Promise(settle => this.awaitFinish.add({ epoch, settle }))
  }

  /**
   * The newest epoch, to be read while later ones are written; null before the first. Waits for those under way: only between
   * two of them do record and blocks belong together. @throws StateError that broke the store
   */
  snapshot(): Promise<Snapshot | null> {
    return this.inTurn(() => this.takeSnapshot())
  }

  private takeSnapshot(): Snapshot | null {
    const { last, manifest, lineage, path, handles } = this
    this.persistence.expectWhole()
    if (last === null) return null
    this.pins += 1
    return new Snapshot({
      ...last,
      lineage,
      path,
      blocks: manifest.live,
      cold: handles.cold?.snapshot() ?? null,
      digests: this.digests.byOperator,
      form: ({ operator, schemaId }) => manifest.form(operator, schemaId),
      read: (blocks, each) => readBlocks(handles, blocks, each),
      release: () => {
        this.pins -= 1
      },
    })
  }

  /** All state of an operator: what lies beyond memory, then its live blocks in the order in which they are applied. */
  async restore(operator: string, into: (block: StoredBlock) => Promise<void> | void): Promise<void> {
    const snapshot = await this.snapshot()
    await snapshot?.restore(operator, into).finally(() => snapshot.release())
  }

  /** Entries beyond memory of an operator. */
  coldRowsOf(operator: string): number {
    return this.handles.cold?.rowsOf(operator) ?? 0
  }

  /** The keys of those entries. */
  coldKeysOf(operator: string): KeyDigest | null {
    return this.handles.cold?.keysOf(operator) ?? null
  }

  /** What stands beyond memory of these keys. */
  readCold(question: ColdQuestion): Promise<ColdAnswer> {
    return this.known(this.handles.readCold(question))
  }

  /** Some of what lies beyond memory, as it lies. */
  readColdPage(place: ColdPlace): Promise<ColdPage> {
    return this.known(this.handles.readColdPage(place))
  }

  /**
   * One synced, atomic write behind the epochs that were asked for before: their state must be there before this is.
   *
   * @returns for each of the changes the sums of its entries; 0 where one goes.
   * @throws StateError ANB6011 as `prepare` does.
   */
  async writeCold(changes: readonly ColdChanges[]): Promise<readonly Uint32Array[]> {
    if (changes.length === 0) return []
    const sums = await this.cold.write(changes)
    this.counts.bytesBeyond = this.handles.cold?.bytesWritten ?? 0
    return sums
  }

  /**
   * Whatever lies beyond memory of an operator is made anew: what is written of it from now on lies beside what is there, and counts
   * in its place from the first epoch on that has a block of the operator.
   */
  makeAnew(operator: string): Promise<void> {
    return this.cold.makeAnew(operator)
  }

  /**
   * Reads every entry beyond memory, while others are written.
   *
   * @throws StateError ANB6010 where they are not those that were written; then no store is opened there again
   * @param breathe awaited after some thousand entries
   */
  checkCold(breathe: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const inTurn = <T>(step: () => T): Promise<T> =>
      this.inTurn(() => {
        this.persistence.expectWhole()
        return step()
      })
    return checkEntries(this.handles, { inTurn, breathe, condemn: this.condemn })
  }

  /** A start that is refused changes nothing; behind its first write damage is told to the next one. */
  private known<T>(read: Promise<T>): Promise<T> {
    return this.handles.isKept ? orCondemned(read, this.condemn) : read
  }

  /** Behind all that was asked for before, however that ends. */
  private inTurn<T>(step: () => Promise<T> | T): Promise<T> {
    const done = this.tail.then(step)
    const ended = (): void => undefined
    this.tail = done.then(ended, ended)
    return done
  }

  /** Waits for what is under way. Can be called twice. */
  close(): Promise<void> {
    this.closing ??= this.tail.then(() => this.end())
    return this.closing
  }

  /** After a write error nothing more is written, and the folder is let go all the same. */
  private async end(): Promise<void> {
    const isWhole = this.persistence.broken === null
    try {
      // Whoever goes on has the sinks commit once more what could not be noted, which changes nothing.
      if (isWhole && this.finished > this.finishedOnDisk && this.last !== null)
        await this.writeFinished(this.last.epoch).catch(() => undefined)
      await this.forgetting.settled()
      await this.handles.close()
      if (isWhole && this.handles.isKept) await this.handles.keep(this.head())
    } finally {
      await this.handles.close()
      await this.options.place.close()
    }
  }

  private async writeFinished(epoch: number): Promise<void> {
    failpoint('finish.sync', 'before')
    const value = encodeFinished(this.finished, this.digest)
    await this.handles.write([{ key: keyOf(epoch, kinds.finished), value }], this.head())
    this.finishedOnDisk = this.finished
    failpoint('finish.sync', 'after')
  }

  private head(): { readonly epoch: number; readonly digest: string } | null {
    return this.last === null ? null : { epoch: this.last.epoch, digest: this.digest }
  }

  /** Answers how many writes beyond memory there must have been. */
  private async load(): Promise<number> {
    const { older, records, finished } = await readRecords(this.handles.kv, this.options.place)
    for (const { head } of records) {
      this.manifest.replay(head)
      this.digests.replay(head.keys, head.full)
    }
    this.generations.replay(records.at(-1)?.head.generations)
    this.finished = finished
    this.finishedOnDisk = finished
    this.digest = records.at(-1)?.digest ?? ''
    const all = [...older, ...records]
    this.recordKeys = all.map(({ head }) => head.epoch)
    this.records = all.map(({ head, bytes }) => ({ epoch: head.epoch, bytes }))
    this.records = this.records.filter(each => each.epoch > finished || each === this.last)
    return records.at(-1)?.head.cold ?? 0
  }

  private async write({ epoch, bytes }: EpochBytes, { blocks, keys: changes, dropped }: EpochState): Promise<void> {
    this.persistence.expectWhole()
    failpoint('prepare.write', 'before')
    const { finished } = this
    const { cold } = this.handles
    const change = this.manifest.add(epoch, { blocks, dropped }, () => this.oldRecords())
    for (const operator of dropped) cold?.drop(operator)
    const beyond = cold === null || cold.writes === 0 ? {} : { cold: cold.writes }
    const keys = this.digests.add(changes, { dropped, full: change.full })
    const generations = this.generations.record(new Set([...dropped, ...blocks.map(({ operator }) => operator)]))
    const counted = {
      ...beyond,
      ...(keys !== undefined && { keys }),
      ...(generations !== undefined && { generations }),
    }
    const record = encodeRecord({ epoch, previous: this.digest, finished, ...counted, ...change }, bytes)
    const puts: Put[] = blocks.map((block, i) => ({ key: keyOf(epoch, kinds.block, i), value: block.bytes }))
    puts.push({ key: keyOf(epoch, kinds.record), value: record })
    failpoint('prepare.write', 'after')
    failpoint('prepare.sync', 'before')
    const write = (): Promise<void> => this.handles.write(puts, this.head())
    await this.persistence.write({ what: `epoch ${epoch}`, epoch, record, write })
    failpoint('prepare.sync', 'after')
    this.digest = digestOf(record)
    this.options.place.note({ epoch, digest: this.digest })
    this.finishedOnDisk = finished
    this.recordKeys.push(epoch)
    this.records.push({ epoch, bytes })
    this.count(puts, blocks)
    if (this.pins === 0) this.forgetting.forget(this.handles.kv)
    this.cold.dropStale()
    await this.space.look()
  }

  /** Epochs of records that nobody asks for once the next one lists all blocks. */
  private oldRecords(): readonly number[] {
    const needed = new Set(this.unfinished.map(({ epoch }) => epoch))
    const old = this.recordKeys.filter(epoch => !needed.has(epoch))
    this.recordKeys = this.recordKeys.filter(epoch => needed.has(epoch))
    return old
  }

  private count(puts: readonly Put[], blocks: readonly StateBlock[]): void {
    this.counts.epochs += 1
    this.counts.bytesWritten += puts.reduce((sum, put) => sum + put.value.length, 0)
    this.counts.bytesChanged += blocks.reduce((sum, block) => sum + block.changed, 0)
  }

  /** Answers whether it is there; throws ANB6010 where what was there before it is not. */
  private async reopened({ epoch, record }: Write): Promise<boolean> {
    await this.forgetting.settled()
    await this.handles.reopen()
    this.counts.reopened = this.handles.reopened
    const found = record === null ? undefined : await this.handles.kv.get(keyOf(epoch, kinds.record))
    const there = record !== null && found !== undefined && digestOf(found) === digestOf(record)
    const before = this.last
    if (before !== null && !there) await this.expectRecord(before.epoch)
    await this.handles.keep(there ? { epoch, digest: digestOf(record) } : this.head())
    return there
  }

  private async expectRecord(epoch: number): Promise<void> {
    const found = await this.handles.kv.get(keyOf(epoch, kinds.record))
    const record: EpochRecord | null = found === undefined ? null : decodeRecord(epoch, found)
    if (record?.digest === this.digest) return
    throw new StateError('ANB6010', `epoch ${epoch} was written and is gone from ${this.options.place.path}`)
  }
}
