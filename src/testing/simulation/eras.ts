/**
 * Eras: which version of the code worked on a row. An epoch is of one code, which its record names, so the records that were
 * written say it for every row: a source's row is of the first epoch whose position is behind it.
 */
import { type Version } from './versions.js'

/** What the record of an epoch says, or of the last one of several with the same code. */
export interface Era {
  /** By the index of the source: split and line behind the last row. */
  readonly sources: readonly (readonly [split: number, line: number])[]
  /** Numbers of the stages whose functions for the end of the input were called. */
  readonly lastCalls: readonly number[]
  /** By the id of the operator. */
  readonly versions: ReadonlyMap<string, Version>
}

export class Eras {
  /** @param eras in their order; the last one counts for all that is behind it too */
  constructor(private readonly eras: readonly Era[]) {}

  ofRow(source: number, split: number, line: number): number {
    return this.first(({ sources }) => {
      const [splitBehind, lineBehind] = sources[source] ?? [0, 0]
      return split < splitBehind || (split === splitBehind && line < lineBehind)
    })
  }

  ofLastCalls(stage: number): number {
    return this.first(({ lastCalls }) => lastCalls.includes(stage))
  }

  version(era: number, operator: string): Version {
    const version = this.eras[era]?.versions.get(operator)
    if (version === undefined) throw new RangeError(`era ${era} has a version of ${operator}`)
    return version
  }

  private first(holds: (era: Era) => boolean): number {
    const at = this.eras.findIndex(holds)
    return at < 0 ? this.eras.length - 1 : at
  }
}

/** Epochs of one run, over all of its hosts. An epoch that a dead host did not write is written anew. */
export class History {
  private readonly epochs = new Map<number, Era>()

  note(epoch: number, era: Era): void {
    this.epochs.set(epoch, era)
  }

  /** Of any epoch. */
  get versions(): readonly Version[] {
    return [...this.epochs.values()].flatMap(({ versions }) => [...versions.values()])
  }

  /** Where nothing was written, all rows are of this code. */
  eras(first: Era['versions']): Eras {
    const written = [...this.epochs].sort(([a], [b]) => a - b).map(([, era]) => era)
    const eras: Era[] = []
    for (const era of written) {
      const last = eras.at(-1)
      if (last !== undefined && isSame(last.versions, era.versions)) eras.pop()
      eras.push(era)
    }
    return new Eras(eras.length === 0 ? [{ sources: [], lastCalls: [], versions: first }] : eras)
  }
}

const isSame = (some: Era['versions'], others: Era['versions']): boolean =>
  [...some].every(([id, { number }]) => others.get(id)?.number === number)
