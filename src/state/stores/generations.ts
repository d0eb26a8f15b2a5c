/**
 * Generations: entries beyond memory of which all were made anew, for a migration, lie beside those that were there before. The
 * next record with a block of their operator says that they count, so both change over in the one write that decides anything;
 * until then a start that dies leaves the ones before as they were. Those that do not count go behind.
 */
import { invariant } from '../../base/index.js'

/** By operator; what was never made anew is not in it. */
export type GenerationsJson = Readonly<Record<string, number>>

/** No operator has it in its id. */
const mark = '\n'

/** Under which name the entries of a generation stand. */
const named = (operator: string, generation: number): string =>
  generation === 0 ? operator : `${operator}${mark}${generation}`

function partsOf(name: string): { readonly operator: string; readonly generation: number } {
  const at = name.lastIndexOf(mark)
  return at < 0
    ? { operator: name, generation: 0 }
    : { operator: name.slice(0, at), generation: Number(name.slice(at + 1)) }
}

/** Of which operator an entry under this name is. */
export const operatorNamed = (name: string): string => partsOf(name).operator

export class Generations {
  /** Those that a record does not name yet. */
  private readonly begun = new Map<string, number>()
  private readonly counting = new Map<string, number>()

  /** What the newest record says. */
  replay(json: GenerationsJson = {}): void {
    for (const [operator, generation] of Object.entries(json)) this.counting.set(operator, generation)
  }

  /** Under which name the entries of an operator stand for who goes on. */
  nameOf(operator: string): string {
    return named(operator, this.begun.get(operator) ?? this.counting.get(operator) ?? 0)
  }

  /** All entries of an operator are made anew, under a name that is none of these. */
  begin(operator: string, names: readonly string[]): void {
    const of = names.map(partsOf).filter(parts => parts.operator === operator)
    const known = [this.counting.get(operator) ?? 0, ...of.map(({ generation }) => generation)]
    invariant(!operator.includes(mark), 'the id of an operator is one line')
    this.begun.set(operator, Math.max(...known) + 1)
  }

  /** A record is made with blocks of these operators, or drops them. Answers what it says; undefined: nothing. */
  record(operators: Iterable<string>): GenerationsJson | undefined {
    for (const operator of operators) {
      const begun = this.begun.get(operator)
      if (begun !== undefined) this.counting.set(operator, begun)
      this.begun.delete(operator)
    }
    return this.counting.size === 0 ? undefined : Object.fromEntries(this.counting)
  }

  /** Entries under this name are, or may come to be, those that count. */
  keeps(name: string): boolean {
    const { operator, generation } = partsOf(name)
    return generation === (this.counting.get(operator) ?? 0) || generation === this.begun.get(operator)
  }

  /** As the newest record has them. */
  recorded(): Generations {
    const recorded = new Generations()
    recorded.replay(Object.fromEntries(this.counting))
    return recorded
  }
}
