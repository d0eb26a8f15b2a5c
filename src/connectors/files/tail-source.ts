/**
 * Files that are followed: those that match a glob now and later, each from its first byte on, as they grow.
 *
 * The folder is looked at every `lookMs`. Nothing asks the system for notice of changes, since that is lost on network
 * file systems and when queues overflow; a look costs one stat a file. Between two looks files are read to their ends.
 *
 * Rotation: a file that was renamed goes on under its new name, or without one until it has not grown for some looks.
 * One that was cut (copytruncate) or replaced under its name ends, with its half record, and begins anew at line 1.
 */
import { isAbsolute, relative, resolve } from 'node:path'
import { emptyBatch } from '../../batch/index.js'
import { type Clock, ConnectorError, type Files, type Observer } from '../../base/index.js'
import { type Decoded, type MarkedDecoder } from '../../formats/index.js'
import { type OnLost } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type PollLimit, type Polled, type Source, type SourcePosition, type SourceProgress } from '../contract.js'
import { errnoOf } from '../io-error.js'
import { FollowedFile } from './followed-file.js'
import { type Named, sortByBytes } from './inputs.js'
import { readPosition, refuse } from './run-files.js'
import { type FollowedMark, type Lost, findAgain, statRegular, tailPosition } from './tail-position.js'

/** A new file is found, and a file that lay still is read on, this late at most. */
export const lookMs = 250
/** A file that lost its name may still be written to; it is let go when it did not grow for so many looks. */
const strayLooksMax = 20
/** Each has a decoder and an open file. */
export const followedMax = 256
const blockMin = 64 * 1024
const blockMax = 1024 * 1024

export interface TailSourceOptions {
  readonly glob: string
  readonly folder: string
  readonly files: Files
  readonly clock: Clock
  readonly observer: Observer
  /** Where a run that goes on does not find a file again that may have had more rows. */
  readonly onLost: OnLost
  readonly decoder: () => MarkedDecoder
  /** Of all columns that are declared. */
  readonly schema: Schema
  readonly project: (decoded: Decoded) => Decoded
}

export class TailSource implements Source {
  readonly bounded = false
  readonly replayable = true
  private readonly followed: FollowedFile[] = []
  /** Index of the file whose turn it is, so that a busy one does not starve the others. */
  private turn = 0
  private nextLook = 0
  private rows = 0
  private bytes = 0
  private stopped = false
  /** A file that ended and was let go since the last batch, so positions that were given still ask for it. */
  private left: FollowedFile | null = null
  private wake: () => void = () => undefined

  constructor(private readonly options: TailSourceOptions) {}

  /** Files may come later, but those that are there must be readable. */
  async open(from: SourcePosition | null = null): Promise<void> {
    if (from !== null) {
      const { files } = readPosition(from, tailPosition)
      const { found, lost } = findAgain(files, this.names(), this.options)
      this.lose(lost)
      for (const { path, name, mark } of found) this.follow(path, name, mark)
    }
    this.look()
  }

  /** @throws ConnectorError ANB4012 where the job does not go on without what these files had */
  private lose(lost: readonly Lost[]): void {
    const { onLost, observer } = this.options
    if (onLost === 'fail') {
      const hint = "put them back; or let the source go on with what is there, and lose what is not: onLost: 'earliest'"
      refuse(
        lost.map(({ why }) => why),
        { hint },
      )
    }
    for (const { mark, why } of lost) {
      observer.count('source.lost_files')
      observer.log('warning', `${why}; what it had behind byte ${mark.at} and nobody read is lost`)
    }
  }

  async poll(limit: PollLimit): Promise<Polled | null> {
    const block = Math.max(blockMin, Math.min(blockMax, limit.bytesMax))
    while (!this.stopped) {
      if (this.options.clock.nowMs() >= this.nextLook) this.look()
      const polled = this.take(limit.rowsMax)
      if (polled !== null) return polled
      if (this.readOn(block)) continue
      if (this.left !== null) return this.polled(this.left, nothing(this.left, this.options.schema))
      await this.untilNextLook()
    }
    return null
  }

  progress(): SourceProgress {
    const behind = this.followed.reduce((sum, file) => sum + file.behind, 0)
    return { rows: this.rows, done: this.bytes, total: null, behind }
  }

  drain(): void {
    this.stopped = true
    this.wake()
  }

  async close(): Promise<void> {
    this.drain()
    for (const file of this.followed.splice(0)) file.close()
  }

  /** The next rows of the file whose turn it is, or of the next one that has some. */
  private take(rowsMax: number): Polled | null {
    for (let tried = this.followed.length; tried > 0; tried -= 1) {
      this.turn %= this.followed.length
      const file = this.followed[this.turn]
      if (file === undefined) return null
      const decoded = file.take(rowsMax)
      if (decoded === null && file.ended) {
        this.followed.splice(this.turn, 1)
        this.left = file
        continue
      }
      this.turn += 1
      if (decoded !== null) return this.polled(file, decoded)
    }
    return null
  }

  private polled({ name }: FollowedFile, decoded: Decoded): Polled {
    this.left = null
    this.rows += decoded.batch.rows + decoded.dead.length
    const { batch, dead, firstPosition, positions, loan } = this.options.project(decoded)
    const next = { kind: 'tail', files: this.followed.map(file => file.mark) }
    return { batch, split: name, firstPosition, positions, dead, loan, next }
  }

  /** Reads a block of every file; answers whether there was something, or a file ended. */
  private readOn(block: number): boolean {
    let more = false
    for (const file of this.followed) {
      const got = file.read(block)
      if (got > 0) file.strayLooks = 0
      this.bytes += got
      more ||= got > 0 || file.ended
    }
    return more
  }

  private untilNextLook(): Promise<void> {
    const { clock } = this.options
    return new Promise(resolve => {
      const cancel = clock.after(Math.max(0, this.nextLook - clock.nowMs()), resolve)
      this.wake = () => {
        cancel()
        resolve()
      }
    })
  }

  private look(): void {
    this.nextLook = this.options.clock.nowMs() + lookMs
    const living = new Map(this.followed.filter(file => !file.ended).map(file => [file.inode, file]))
    for (const { path, name } of this.names()) {
      const there = statRegular(path, this.options.files)
      if (there === null) continue
      const known = living.get(there.inode)
      living.delete(there.inode)
      if (known?.isSame() === true) known.name = name
      else {
        known?.end()
        this.follow(path, name)
      }
    }
    for (const stray of living.values()) {
      stray.strayLooks += 1
      if (!stray.isSame() || stray.strayLooks > strayLooksMax) stray.end()
    }
  }

  private names(): readonly Named[] {
    const { files, folder, glob } = this.options
    const paths = new Set(files.glob(glob, folder).map(path => resolve(folder, path)))
    return sortByBytes(
      [...paths]
        .filter(path => statRegular(path, files) !== null)
        .map(path => ({ path, name: isAbsolute(glob) ? path : relative(folder, path) })),
    )
  }

  private follow(path: string, name: string, mark?: FollowedMark): void {
    if (this.followed.length >= followedMax) {
      throw new ConnectorError('ANB8004', `more than ${followedMax} files to follow match "${this.options.glob}"`, {
        hint: 'narrow the glob to files that are still written to',
      })
    }
    try {
      const file = new FollowedFile(path, name, this.options.decoder(), this.options.files)
      this.followed.push(file)
      if (mark !== undefined) file.goOn(mark)
    } catch (cause) {
      // Renamed or removed since it was found: the next look finds it under its new name, or not at all. One that is gone on
      // with is known by its place, which would be lost.
      if (mark !== undefined || !(cause instanceof ConnectorError && errnoOf(cause.cause) === 'ENOENT')) throw cause
    }
  }
}

const nothing = ({ mark }: FollowedFile, schema: Schema): Decoded => ({
  batch: emptyBatch(schema),
  firstPosition: mark.position,
  positions: null,
  dead: [],
})
