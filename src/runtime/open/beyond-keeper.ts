/** Beyond keeper: carries state between memory and the store where it may be larger than its budget. */
import {
  type ColdChanges,
  type ColdKeys,
  type ColdPlace,
  type ColdQuestion,
  type ColdSide,
  type KeyDigest,
} from '../../state/index.js'
import { type StateStore } from '../../state/stores/index.js'
import { type BeyondEffects, type Engine } from '../flow/index.js'

/** Tells the engine, once the promise settles. */
export type SettledState = <T>(promise: Promise<T>, then: (engine: Engine, value: T, nowMs: number) => void) => void

/** What it asks of the store. */
export type BeyondStore = Pick<
  StateStore,
  'readCold' | 'readColdPage' | 'writeCold' | 'coldKeysOf' | 'coldRowsOf' | 'makeAnew'
>

export class BeyondKeeper implements BeyondEffects {
  constructor(
    private readonly store: () => BeyondStore,
    private readonly settled: SettledState,
  ) {}

  loadState(stage: number, load: number, question: ColdQuestion): void {
    this.settled(this.store().readCold(question), (engine, answer, nowMs) =>
      engine.stateStep(stage, s => s.stateLoaded(load, answer), nowMs),
    )
  }

  readState(stage: number, number: number, place: ColdPlace): void {
    this.settled(this.store().readColdPage(place), (engine, page, nowMs) =>
      engine.stateStep(stage, s => s.statePage(number, page), nowMs),
    )
  }

  leaveState(stage: number, changes: readonly ColdChanges[]): void {
    this.settled(this.store().writeCold(changes), (engine, sums, nowMs) =>
      engine.stateStep(stage, s => s.stateLeft(sums), nowMs),
    )
  }

  /** The keys that lie there now. */
  keysOf(operator: string): KeyDigest | null {
    return this.store().coldKeysOf(operator)
  }

  /** Entries that lie there now. */
  rowsOf(operator: string): number {
    return this.store().coldRowsOf(operator)
  }

  /** As the store does. */
  makeAnew(operator: string): Promise<void> {
    return this.store().makeAnew(operator)
  }

  async writeCold(changes: readonly ColdChanges[]): Promise<void> {
    await this.store().writeCold(changes)
  }

  /** Of each key the sum of its entry; 0: there is none. */
  async sumsOf(operator: string, keys: ColdKeys): Promise<Uint32Array> {
    const { values } = await this.store().readCold({ operators: [operator], collections: [], ...keys })
    const sums = new Uint32Array(keys.groups.length)
    for (const found of values.flat()) found.at.forEach((key, i) => (sums[key] = found.sums[i] ?? 0))
    return sums
  }

  /** Rows of a block of this epoch were restored: what memory has no room for leaves it. */
  async settle(side: ColdSide, epoch: number): Promise<void> {
    // The block may be one of several of its epoch, so what leaves is not known to be that of its end.
    side.chooseRestored(Math.max(0, epoch - 1))
    await this.leave(side, epoch)
  }

  /** Rows of a savepoint of this epoch were restored: what memory has no room for leaves it. */
  async settleSaved(side: ColdSide, epoch: number): Promise<void> {
    side.chooseSaved(epoch)
    await this.leave(side, epoch)
  }

  private async leave(side: ColdSide, epoch: number): Promise<void> {
    for (let leaving = side.leave(epoch); leaving !== null; leaving = side.leave(epoch)) {
      side.left(leaving, await this.store().writeCold(leaving.changes))
    }
  }
}
