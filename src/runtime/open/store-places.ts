/**
 * Where the store of a run lies, and how another one takes its place: it is made whole beside it, as `making`, is named `next` in
 * one step, and is what counts from then on, whoever dies before it has its name.
 */
import { join } from 'node:path'
import { StateError } from '../../base/index.js'
import { type Descent, type EpochOf, forebearsOf, lineagesBehind, unfinishedSinks } from '../../connectors/index.js'
import { type EpochRecord, encodeRecord, readSavepoint } from '../../checkpoint/index.js'
import { StateStore, openStateFolder, refuseOtherJob } from '../../state/stores/index.js'
import { type StateTaken } from '../flow/index.js'
import { type Opened } from './opened.js'
import { descentIn, isBegunAt, noteDescent } from './begun.js'

/** In the store of a run that was finished: the next one begins anew. */
export const finishedName = 'finished.json'

export interface PlacesTerms {
  readonly plan: Pick<Opened['plan'], 'job'>
  readonly world: Pick<Opened['world'], 'files' | 'random' | 'clock'>
  readonly options: Pick<Opened['options'], 'out' | 'fresh' | 'from' | 'stateBudgetBytes'>
}

/** What a store begins with that was made from a savepoint. */
interface FirstEpoch {
  readonly record: EpochRecord
  readonly descent: Descent
  readonly state: StateTaken
}

export class StorePlaces {
  readonly store: string
  private readonly making: string
  private readonly next: string
  /** A store was there before this run. */
  private wasThere = true

  /** @param folder `DIR/state` */
  constructor(
    private readonly folder: string,
    private readonly opened: PlacesTerms,
  ) {
    this.store = join(folder, 'store')
    this.making = join(folder, 'making')
    this.next = join(folder, 'next')
  }

  /**
   * The store that a run goes on with, or an empty one. Null: it begins at a savepoint or in the place of another one, and has none
   * until everything about it proved right; until then the one that was there is as it was.
   *
   * @throws StateError ANB6013, ANB6102, and what the store is refused for
   */
  async start(): Promise<StateStore | null> {
    const { plan, options } = this.opened
    const { fresh, from } = options
    this.settle()
    // Also where this one begins anew: that throws away what it goes on from itself, and nothing of another one.
    if (!this.isFinished) await refuseOtherJob(this.store, plan.job)
    const isAnew = from === null && (fresh || this.isFinished)
    if (isAnew && this.hasStore) return null
    if (from === null && !isAnew) this.expectNothingLost()
    return from === null ? this.open() : this.begunAt(from)
  }

  private get isFinished(): boolean {
    return this.opened.world.files.stat(join(this.store, finishedName)) !== undefined
  }

  /** What a run that died while it took the place of another one left. */
  settle(): void {
    const { files } = this.opened.world
    files.removeTree(this.making)
    if (files.stat(this.next) !== undefined) {
      files.removeTree(this.store)
      files.rename(this.next, this.store)
      files.syncDirectory(this.folder)
    }
    this.wasThere = this.hasStore
  }

  get hasStore(): boolean {
    return this.opened.world.files.stat(this.store) !== undefined
  }

  /**
   * Before a run begins for want of a store: one that was there and is gone would have its output thrown away.
   *
   * @throws StateError ANB6102
   */
  private expectNothingLost(): void {
    const { world, options } = this.opened
    if (this.hasStore) return
    const names = unfinishedSinks(world.files, options.out)
    if (names.length === 0) return
    const sinks = names.map(name => `"${name}"`).join(', ')
    throw new StateError('ANB6102', `sink ${sinks} has rows of a run whose state is gone: there is no ${this.store}`, {
      detail: 'That run was not finished. Begun anew, its rows would be thrown away. Nothing was changed.',
      hint: 'bring the folder back, or begin at a savepoint with --from; or begin anew: --fresh',
    })
  }

  /** What is there, or an empty one. */
  open(): Promise<StateStore> {
    return this.at(this.store, this.opened.world.random.hex(8))
  }

  /** The store of a run that began at this savepoint and was not finished: it goes on. Null: there is none. */
  async begunAt(from: string): Promise<StateStore | null> {
    const { files } = this.opened.world
    const { epoch } = readSavepoint(files, from)
    if (this.opened.options.fresh || this.isFinished) return null
    if (!isBegunAt(files, this.store, epoch)) return null
    return this.open().catch((error: unknown) => Promise.reject(onceMore(error, from)))
  }

  /** Those of runs here that may have gone on behind this epoch; who rewinds to it has what they wrote written again. */
  lineagesBehind(at: EpochOf): readonly string[] {
    return lineagesBehind(at, descentIn(this.opened.world.files, this.store))
  }

  /** A store beside the one that is there, which takes its place with `replace` and is nothing until then. */
  async make(): Promise<StateStore> {
    const { files, random } = this.opened.world
    try {
      return await this.at(this.making, random.hex(8))
    } catch (error) {
      files.removeTree(this.making)
      throw error
    }
  }

  /** It does not take its place. */
  async giveUp(made: StateStore): Promise<void> {
    await made.close()
    this.remove(this.making)
  }

  /** The run was refused before it began: no sink knows of a store that this run has made. */
  async refused(store: StateStore): Promise<void> {
    await store.close()
    if (!this.wasThere) this.remove(this.store)
  }

  private remove(place: string): void {
    const { files } = this.opened.world
    files.removeTree(place)
    if (files.list(this.folder).length === 0) files.removeTree(this.folder)
  }

  /** A run that begins anew: its store, which has nothing yet, takes the place of the one that is there. */
  async renew(made: StateStore): Promise<StateStore> {
    await made.close()
    return this.takePlace()
  }

  /** Of a lineage that goes on behind this epoch, what it has behind it: with it, what the store that is there has. Null: it begins anew. */
  descentOf(lineage: string, at: EpochOf | null): Descent {
    const there = descentIn(this.opened.world.files, this.store)
    if (there?.lineage === lineage) return there
    if (at === null || at.lineage === lineage) return { lineage, forebears: [] }
    const begun = { lineage: at.lineage, epoch: at.epoch }
    return { lineage, forebears: (there === null ? null : forebearsOf(lineage, begun, there)) ?? [begun] }
  }

  /** The store that was made has this first epoch, and takes the place of the one that is there. */
  async replace(made: StateStore, { record, descent, state: { blocks, keys } }: FirstEpoch): Promise<StateStore> {
    await made.prepare(record.epoch, encodeRecord(record), blocks, keys)
    made.finish(record.epoch)
    await made.close()
    noteDescent(this.opened.world.files, this.making, descent)
    return this.takePlace()
  }

  private takePlace(): Promise<StateStore> {
    const { files } = this.opened.world
    files.rename(this.making, this.next)
    files.syncDirectory(this.folder)
    this.settle()
    return this.open()
  }

  protected async at(path: string, lineage: string): Promise<StateStore> {
    const { plan, world, options } = this.opened
    const budgetBytes = options.stateBudgetBytes ?? undefined
    const place = await openStateFolder({ path, job: plan.job, lineage, budgetBytes })
    const pause = (ms: number): Promise<void> => new Promise(resolve => void world.clock.after(ms, resolve))
    try {
      return await StateStore.open({ place, pause, cold: budgetBytes !== undefined })
    } catch (error) {
      await place.close()
      throw error
    }
  }
}

/** Whoever begins where it began goes on with it: of a store that is damaged the way out is another one. */
function onceMore(error: unknown, from: string): unknown {
  if (!(error instanceof StateError) || error.code !== 'ANB6010') return error
  const { code, message, detail } = error
  const hint = `bring back the whole folder, or begin at the savepoint once more: --from ${from} --fresh`
  return new StateError(code, message, { detail, hint, cause: error })
}
