/**
 * The rules that are taken away one at a time, and the tests that must notice. Each is an exact text of one file, found
 * there once, and what stands there instead; a rule that moved has to move here too (test/unit/mutants).
 */
export interface Mutant {
  /** The rule that is gone. */
  readonly rule: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** A file of vitest (`.test.ts`) or of pytest (`.py`). */
  readonly test: string
}

const seeds = 'test/simulation/seeds-1.test.ts'
const lease = { file: 'src/workers/lease/lease.ts', test: 'test/unit/workers/lease.test.ts' } as const

export const mutants: readonly Mutant[] = [
  { rule: 'attempt ignored', ...lease, from: ' && l.attempt === key.attempt', to: '' },
  { rule: 'reply of an earlier process accepted', ...lease, from: ' || key.incarnation !== worker', to: '' },
  { rule: 'duplicate reply accepted', ...lease, from: 'mine.splice(at, 1)', to: 'mine.slice(at, 1)' },
  { rule: 'deadline judged at one look', ...lease, from: 'if (head.suspect) late', to: 'late' },
  {
    rule: 'replies not put in order again',
    file: 'src/runtime/flow/lane.ts',
    from: 'return this.open.splice(0, n)',
    to: `const done = this.open.filter(t => !t.away && t.todo.length === 0)
    for (const t of done) this.open.splice(this.open.indexOf(t), 1)
    return done`,
    test: seeds,
  },
  {
    rule: 'good rows of a halved batch dropped',
    file: 'src/runtime/flow/settle.ts',
    from: 'half(0, middle), half(middle, n)',
    to: 'half(0, middle)',
    test: seeds,
  },
  {
    rule: 'halves in the wrong order',
    file: 'src/runtime/flow/settle.ts',
    from: 'half(0, middle), half(middle, n)',
    to: 'half(middle, n), half(0, middle)',
    test: seeds,
  },
  {
    rule: 'new state of a call dropped',
    file: 'src/runtime/flow/settle.ts',
    from: 'this.applyState(work, reply)',
    to: 'reply.state.length',
    test: seeds,
  },
  {
    rule: 'state of a failed attempt kept',
    file: 'python/anabranch/_chain/undo.py',
    from: 'if not _needs_undo(operators, outcome.dead) or call.grouping is None:',
    to: 'if True:',
    test: 'test/python/test_rejects.py',
  },
  {
    rule: 'slot of the mapping used again early',
    file: 'src/transport/slots.ts',
    from: 'if (slot.at - at >= size) break',
    to: 'if (slot.at - at >= 64) break',
    test: 'test/unit/transport/slots.test.ts',
  },
  {
    rule: 'key group off by one',
    file: 'src/state/key-index.ts',
    from: '((found[i] ?? 0) >>> 0) % keyGroups',
    to: '(((found[i] ?? 0) >>> 0) + 1) % keyGroups',
    test: 'test/unit/state/key-index.test.ts',
  },
  {
    rule: 'null keys routed',
    file: 'src/runtime/flow/keyed.ts',
    from: "this.terms.nullKeys === 'group' ? null : this.index",
    to: 'this.terms.columns.length > 0 ? null : this.index',
    test: seeds,
  },
  {
    rule: 'back-pressure ignored',
    file: 'src/runtime/flow/engine.ts',
    from: ' || !source.output.room',
    to: '',
    test: 'test/simulation/laws.test.ts',
  },
  {
    rule: 'service that is away makes dead rows',
    file: 'src/runtime/fault/decide.ts',
    from: "return { do: 'hold' }",
    to: "return { do: 'bury' }",
    test: seeds,
  },
  {
    rule: 'row given up for one kill from outside',
    file: 'src/runtime/fault/decide.ts',
    from: 'export const lossesMax = 4',
    to: 'export const lossesMax = 1',
    test: seeds,
  },
  {
    rule: 'hold of a lane cut to 5 ms',
    file: 'src/runtime/flow/settle.ts',
    from: 'heldUntilMs = nowMs + waitMs',
    to: 'heldUntilMs = nowMs + 5',
    test: 'test/simulation/hold.test.ts',
  },
  {
    rule: 'parent not checked',
    file: 'src/runtime/flow/codec.ts',
    from: 'if (row < before || row >= rows) throw',
    to: 'if (rows < 0) throw',
    test: 'test/unit/runtime/codec.test.ts',
  },
  {
    rule: 'number of rows not checked',
    file: 'src/runtime/flow/codec.ts',
    from: 'if (added.rows !== m || found.rows !== m) throw',
    to: 'if (m < 0) throw',
    test: 'test/unit/runtime/codec.test.ts',
  },
  {
    rule: 'limit of dead rows ignored',
    file: 'src/runtime/fault/dead-limit.ts',
    from: 'if (this.died.length <= deadInWindowMax) return null',
    to: 'if (this.died.length >= 0) return null',
    test: 'test/unit/runtime/fault.test.ts',
  },
  {
    rule: 'files of a new run visible early',
    file: 'src/connectors/files/shelf.ts',
    from: `if (this.previous.length > 0) {
      this.held`,
    to: `if (this.previous.length > 1_000) {
      this.held`,
    test: 'test/unit/connectors/files-sink.test.ts',
  },
]
