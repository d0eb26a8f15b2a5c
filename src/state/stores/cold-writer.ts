/** Cold writer: what a store writes beyond memory, each time in one write, in turn with its epochs. */
import { invariant } from '../../base/index.js'
import { type ColdChanges } from '../cold.js'
import { type ColdStore } from './cold-store.js'
import { type Generations } from './generations.js'
import { type Handles } from './handles.js'
import { type Head } from './key-value.js'
import { type Persistence } from './persistence.js'

export interface ColdWriterParts {
  readonly handles: Handles
  readonly persistence: Persistence
  readonly generations: Generations
  /** The least that is known to be in the store before a write. */
  head(): Head | null
  inTurn<T>(step: () => Promise<T> | T): Promise<T>
  isClosing(): boolean
}

export class ColdWriter {
  private isDropping = false

  constructor(private readonly parts: ColdWriterParts) {}

  /** Answers the sums of the entries of each of the changes. */
  write(changes: readonly ColdChanges[]): Promise<readonly Uint32Array[]> {
    return this.parts.inTurn(() => this.persist(cold => cold.write(changes)))
  }

  /** Entries of an operator that are written from now on are all that it has, once an epoch has a block of it. */
  makeAnew(operator: string): Promise<void> {
    return this.parts.inTurn(() => this.cold.makeAnew(operator))
  }

  /** Entries that do not count any more go, some at a time, until the store is closed. */
  dropStale(): void {
    if (this.isDropping || this.parts.handles.cold?.hasStale !== true) return
    this.isDropping = true
    // Where it fails the next write shows it, and who comes next goes on.
    this.dropAll().then(
      () => (this.isDropping = false),
      () => undefined,
    )
  }

  private async dropAll(): Promise<void> {
    const { inTurn, isClosing } = this.parts
    while (!isClosing() && (await inTurn(() => this.dropSome())));
  }

  private async dropSome(): Promise<boolean> {
    const stale = (await this.parts.handles.cold?.stale()) ?? null
    if (stale !== null) await this.persist(cold => cold.writeNamed([stale]))
    return stale !== null
  }

  private async persist(into: (cold: ColdStore) => Promise<readonly Uint32Array[]>): Promise<readonly Uint32Array[]> {
    const { handles, persistence, head } = this.parts
    const { cold } = this
    let sums: readonly Uint32Array[] = []
    const write = async (): Promise<void> => {
      await handles.take(head())
      sums = await into(cold)
    }
    await persistence.write({ what: 'state beyond memory', epoch: 0, record: null, write })
    return sums
  }

  private get cold(): ColdStore {
    const { cold } = this.parts.handles
    invariant(cold !== null, 'who writes beyond memory has opened a place for it')
    return cold
  }
}
