/**
 * A mutant: a rule that is taken away, and the test that must notice. A rule is an exact text of one file, found there
 * once, and what stands there instead; a rule that moved has to move here too (test/house/mutants.test.ts).
 */
export interface Mutant {
  /** The rule that is gone, as what is then done. */
  readonly rule: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** A file of vitest (`.test.ts`) or of pytest (`.py`), and how the name of a test in it begins. */
  readonly test: readonly [file: string, name: string]
}

export const unit = (name: string): string => `test/unit/${name}.test.ts`
export const settlement = unit('runtime/settlement')
export const stage = unit('runtime/stage')
export const codec = unit('runtime/codec')
export const queues = unit('runtime/queues')
export const fault = unit('runtime/fault')
export const lease = { file: 'src/workers/lease/lease.ts' } as const
export const settle = { file: 'src/runtime/flow/settle.ts' } as const
export const reply = { file: 'src/runtime/flow/codec.ts' } as const
