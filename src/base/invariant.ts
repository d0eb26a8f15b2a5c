/** Programming errors stop the process: they are never caught and have no code. */
export class InvariantError extends Error {
  override get name(): string {
    return 'InvariantError'
  }
}

/** Asserts what must hold by construction; `what` is a sentence in the positive. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InvariantError(`does not hold: ${what}`)
}
