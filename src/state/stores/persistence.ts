/** Writing until it is there: after an error a fresh handle tells, or it is written again, some times. */
import { StateError } from '../../base/index.js'

/** What is written until it is there. */
export interface Write {
  readonly what: string
  readonly epoch: number
  /** null: it has none, and can be written again. */
  readonly record: Uint8Array | null
  write(): Promise<void>
}

/** Pauses before an epoch is written again after an error. */
const retryMs = [100, 1000, 4000]

export class Persistence {
  /** Nothing more is written. */
  broken: StateError | null = null

  constructor(
    private readonly parts: {
      readonly path: string
      readonly pause: (ms: number) => Promise<void>
      /** Opens fresh handles, and answers whether it is there. */
      readonly reopened: (write: Write) => Promise<boolean>
    },
  ) {}

  /** @throws StateError that broke it */
  expectWhole(): void {
    if (this.broken !== null) throw this.broken
  }

  async write(write: Write): Promise<void> {
    this.expectWhole()
    let failure: unknown
    for (const pauseMs of [0, ...retryMs]) {
      try {
        if (failure !== undefined) {
          await this.parts.pause(pauseMs)
          if (await this.parts.reopened(write)) return
        }
        await write.write()
        return
      } catch (error) {
        if (error instanceof StateError && error.code === 'ANB6010') {
          this.broken = error
          throw error
        }
        failure = error
      }
    }
    throw this.give(write.what, failure)
  }

  /** What this run thinks of the store and what is in it may differ. */
  private give(what: string, cause: unknown): StateError {
    this.broken = new StateError('ANB6011', `${what} could not be written to ${this.parts.path}`, {
      detail: `${retryMs.length + 1} tries, each but the first on a fresh handle. Nothing of it was acknowledged.`,
      cause,
    })
    return this.broken
  }
}
