/** What leaves the memory of one stage behind its epochs: written at once, or heard of behind the next cut. */
import { type ColdChanges, type ColdSide, type Leaving } from '../../../src/state/index.js'
import { type StateStore } from '../../../src/state/stores/index.js'

/** Operators, lists and maps of which something is written; of the others the store is told the columns. */
export const writtenIn = (changes: readonly ColdChanges[]): readonly string[] =>
  changes.filter(({ groups }) => groups.length > 0).map(({ operator }) => operator)

export class Leavings {
  private unheard: { readonly leaving: Leaving; readonly sums: readonly Uint32Array[] } | null = null

  constructor(
    private readonly cold: ColdSide,
    private readonly store: StateStore,
    /** Told of which operators, lists and maps, write by write. */
    private readonly written: (operators: readonly string[]) => void = () => undefined,
  ) {}

  /** Epochs up to this one are written: all that was chosen leaves. */
  async all(written: number): Promise<void> {
    const { cold, store } = this
    for (let leaving = cold.leave(written); leaving !== null; leaving = cold.leave(written)) {
      if (leaving.changes.length > 0) this.written(writtenIn(leaving.changes))
      cold.left(leaving, await store.writeCold(leaving.changes))
    }
  }

  /** Some of it is written, and stays in memory until that is heard of. */
  async slowly(written: number): Promise<void> {
    const leaving = this.cold.leave(written)
    if (leaving !== null) this.unheard = { leaving, sums: await this.store.writeCold(leaving.changes) }
  }

  /** A cut was made meanwhile. */
  hear(): void {
    const { unheard } = this
    this.unheard = null
    if (unheard !== null) this.cold.left(unheard.leaving, unheard.sums)
  }
}
