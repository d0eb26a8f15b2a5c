/**
 * Handles: the databases of a store, that of its epochs and that of what lies beyond memory. After a write error both are closed
 * and opened again.
 */
import { StateError, invariant } from '../../base/index.js'
import { type ColdAnswer, type ColdPage, type ColdPlace, type ColdQuestion } from '../cold.js'
import { ColdStore } from './cold-store.js'
import { type Generations } from './generations.js'
import { type Head, type KeyValue, type Put, type StorePlace } from './key-value.js'
import { opened } from './open-place.js'

export class Handles {
  /** null: nothing may lie beyond memory. */
  cold: ColdStore | null = null
  /** How often they were opened again. */
  reopened = 0
  /** What was opened took the place of what was there: with the first write, and not before. */
  isKept = false
  /** Settles when they can be read. */
  private reopening: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly place: StorePlace,
    /** That of the epochs. */
    public kv: KeyValue,
  ) {}

  /** For people. */
  get path(): string {
    return this.place.path
  }

  static async open(place: StorePlace): Promise<Handles> {
    return new Handles(place, await opened(place))
  }

  /**
   * @param writes as many writes beyond memory as there must have been.
   * @param make whether a place is made where there is none.
   * @throws StateError ANB6010 where they are gone or not what was written.
   */
  async openCold(
    written: { readonly writes: number; readonly generations: Generations },
    make: boolean,
  ): Promise<void> {
    const { writes } = written
    const kv = await this.place.openCold(make && writes === 0)
    if (kv !== null) this.cold = await ColdStore.open(kv, this.path, written)
    else if (writes > 0) throw this.coldIsGone()
  }

  /** All or nothing, on the disk when it settles. @param head the least that is known to be in the store before it */
  async write(puts: readonly Put[], head: Head | null): Promise<void> {
    await this.take(head)
    await this.kv.write(puts)
  }

  /** Before a write. */
  async take(head: Head | null): Promise<void> {
    if (!this.isKept) await this.keep(head)
  }

  async keep(head: Head | null): Promise<void> {
    await this.place.keep(head)
    this.isKept = true
  }

  /** After a write error: what was written may be there or not. @throws StateError where they cannot be opened again */
  reopen(): Promise<void> {
    const reopening = this.openAgain()
    this.reopening = reopening.catch(() => undefined)
    return reopening
  }

  /** What stands beyond memory of these keys. */
  async readCold(question: ColdQuestion): Promise<ColdAnswer> {
    const { cold } = this
    if (cold === null) return { values: [], items: [] }
    return this.reading(async () => {
      const values = Promise.all(question.operators.map(operator => cold.read(operator, question)))
      const items = Promise.all(question.collections.map(each => cold.readItems(each, question)))
      const [ofOperators, ofCollections] = await Promise.all([values, items])
      return { values: ofOperators, items: ofCollections }
    })
  }

  /** Some of what lies beyond memory, as it lies. */
  readColdPage(place: ColdPlace): Promise<ColdPage> {
    const { cold } = this
    invariant(cold !== null, 'who looks for what lies beyond memory knows of some')
    return this.reading(() => cold.page(place))
  }

  /** Whose databases are opened again meanwhile reads once more. */
  private async reading<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.reopening
      const { reopened } = this
      try {
        return await read()
      } catch (error) {
        await this.reopening
        if (this.reopened === reopened) throw error
      }
    }
  }

  /** Can be called twice. */
  async close(): Promise<void> {
    await this.kv.close()
    await this.cold?.close()
  }

  private async openAgain(): Promise<void> {
    await this.close()
    this.kv = await this.place.open()
    this.reopened += 1
    if (this.cold === null) return
    const kv = await this.place.openCold(this.cold.writes === 0)
    if (kv === null) throw this.coldIsGone()
    this.cold.useHandle(kv)
  }

  private coldIsGone(): StateError {
    return new StateError('ANB6010', `state beyond memory is gone from ${this.path}`)
  }
}
