/**
 * The rules that are taken away one at a time, and the test that must notice each. A rule is an exact text of one file,
 * found there once, and what stands there instead; a rule that moved has to move here too (test/unit/mutants).
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

const unit = (name: string): string => `test/unit/${name}.test.ts`
const settlement = unit('runtime/settlement')
const stage = unit('runtime/stage')
const codec = unit('runtime/codec')
const queues = unit('runtime/queues')
const fault = unit('runtime/fault')
const lease = { file: 'src/workers/lease/lease.ts' } as const
const settle = { file: 'src/runtime/flow/settle.ts' } as const
const reply = { file: 'src/runtime/flow/codec.ts' } as const

const leases: readonly Mutant[] = [
  {
    rule: 'attempt ignored',
    ...lease,
    from: ' && l.attempt === key.attempt',
    to: '',
    test: [unit('workers/lease'), 'of an earlier attempt ends no lease'],
  },
  {
    rule: 'incarnation ignored',
    ...lease,
    from: ' || key.incarnation !== worker',
    to: '',
    test: [unit('workers/lease'), 'of an earlier process of the same worker ends no lease'],
  },
  {
    rule: 'duplicate reply accepted',
    ...lease,
    from: 'mine.splice(at, 1)',
    to: 'mine.slice(at, 1)',
    test: [settlement, 'gives its rows and its state once'],
  },
  {
    rule: 'deadline judged at one look',
    ...lease,
    from: 'if (head.suspect) late',
    to: 'late',
    test: [settlement, 'at its deadline was killed after two looks'],
  },
  {
    rule: 'deadline runs while a call waits behind another',
    ...lease,
    from: 'mine.length === 0 ? terms.nowMs : Number.NaN',
    to: 'terms.nowMs',
    test: [unit('workers/lease'), 'are over their time one after the other'],
  },
  {
    rule: 'work given to a worker that was killed',
    file: 'src/workers/watch/pool.ts',
    from: "member.state = 'ending'",
    to: "member.state = 'ready'",
    test: [unit('workers/pool'), 'gives nothing to a worker that was killed'],
  },
  {
    rule: 'starts go on for ever',
    file: 'src/workers/watch/pool.ts',
    from: 'this.failedStarts > this.terms.failedStartsMax',
    to: 'this.failedStarts < 0',
    test: [unit('workers/pool'), 'waits longer after each start that failed'],
  },
  {
    rule: 'loss blamed on every call of the worker',
    file: 'src/runtime/flow/engine.ts',
    from: "i === 0 && loss.kind !== 'replaced'",
    to: "loss.kind !== 'replaced'",
    test: [settlement, 'blames only the rows that it had begun'],
  },
]

const order: readonly Mutant[] = [
  {
    rule: 'replies not re-ordered',
    file: 'src/runtime/flow/lane.ts',
    from: 'return this.open.splice(0, n)',
    to: `const done = this.open.filter(t => !t.away && t.todo.length === 0)
    for (const t of done) this.open.splice(this.open.indexOf(t), 1)
    return done`,
    test: [settlement, 'leaves a stage without key in the order of the rows'],
  },
  {
    rule: 'two calls of a keyed lane out at once',
    file: 'src/runtime/flow/stage.ts',
    from: 'key === null ? terms.window : 1',
    to: 'terms.window',
    test: [settlement, 'frees its lane'],
  },
  {
    rule: 'rows put back behind those that follow them',
    file: 'src/runtime/flow/lane.ts',
    from: 'if (!ticket.away && ticket.todo.length > 0) return ticket',
    to: 'if (ticket.lane < 0) return ticket',
    test: [queues, 'sends rows that were put back before it opens a new ticket'],
  },
  {
    rule: 'key group off by one',
    file: 'src/state/key-index.ts',
    from: '((found[i] ?? 0) >>> 0) % keyGroups',
    to: '(((found[i] ?? 0) >>> 0) + 1) % keyGroups',
    test: [unit('state/key-index'), 'gives each key the next slot'],
  },
  {
    rule: 'null key routed',
    file: 'src/runtime/flow/keyed.ts',
    from: "this.terms.nullKeys === 'group' ? null : this.index",
    to: 'this.terms.columns.length > 0 ? null : this.index',
    test: [stage, 'is a dead letter and no row of a call'],
  },
  {
    rule: 'at_end called before the last row',
    file: 'src/runtime/flow/stage.ts',
    from: '!this.input.ended || this.lanes.some(l => !l.idle)) return false',
    to: '!this.input.ended) return false',
    test: [stage, 'calls at_end once, after the last row is settled'],
  },
]

const faults: readonly Mutant[] = [
  {
    rule: 'good rows of a bisected batch dropped',
    ...settle,
    from: 'putBack(work, [before, after])',
    to: 'putBack(work, [before])',
    test: [settlement, 'is halved; the second half runs on the state'],
  },
  {
    rule: 'halves in the wrong order',
    ...settle,
    from: 'putBack(work, [before, after])',
    to: 'putBack(work, [after, before])',
    test: [settlement, 'is halved; the second half runs on the state'],
  },
  {
    rule: 'second half run on the state before the first',
    ...settle,
    from: 'this.applyState(work, reply)',
    to: 'if (ticket.todo.length === 0) this.applyState(work, reply)',
    test: [settlement, 'is halved; the second half runs on the state'],
  },
  {
    rule: 'new state of a call dropped',
    ...settle,
    from: 'this.applyState(work, reply)',
    to: 'reply.state.length',
    test: [settlement, 'gives its rows and its state once'],
  },
  {
    rule: "failed attempt's state kept",
    file: 'python/anabranch/_chain/undo.py',
    from: 'if not _needs_undo(operators, outcome.dead) or call.grouping is None:',
    to: 'if True:',
    test: ['test/python/test_rejects.py', 'test_a_row_that_is_refused_leaves_no_state_where_the_key_has_other_rows'],
  },
  {
    rule: 'reject leaves state of a new key',
    file: 'python/anabranch/_chain/undo.py',
    from: 'cleared[keys_hit] = known.new[keys_hit]',
    to: 'cleared[keys_hit] = False',
    test: ['test/python/test_rejects.py', 'test_a_new_key_of_which_every_row_is_refused_stays_new'],
  },
  {
    rule: 'dead rows of a good reply not buried',
    ...settle,
    from: 'this.ledger.deadRows(work, reply.dead, captures)',
    to: 'this.ledger.deadRows(work, [], captures)',
    test: [settlement, 'with rows that were refused buries them'],
  },
  {
    rule: 'service that is away makes dead rows',
    file: 'src/runtime/fault/decide.ts',
    from: "return { do: 'hold' }",
    to: "return { do: 'bury' }",
    test: [settlement, 'for a service that is away is held'],
  },
  {
    rule: 'hold of a lane cut to 5 ms',
    ...settle,
    from: 'heldUntilMs = nowMs + waitMs',
    to: 'heldUntilMs = nowMs + 5',
    test: [settlement, 'for a service that is away is held'],
  },
  {
    rule: 'row given up for one kill from outside',
    file: 'src/runtime/fault/decide.ts',
    from: 'export const lossesMax = 4',
    to: 'export const lossesMax = 1',
    test: [settlement, 'from outside is no evidence against a row'],
  },
  {
    rule: 'row that kills its worker sent for ever',
    file: 'src/runtime/fault/decide.ts',
    from: 'evidence.crashes >= crashes || ',
    to: '',
    test: [settlement, 'costs them one call more'],
  },
  {
    rule: 'limit of dead rows ignored',
    file: 'src/runtime/fault/dead-limit.ts',
    from: 'if (this.died.length <= deadInWindowMax) return null',
    to: 'if (this.died.length >= 0) return null',
    test: [fault, 'are too many with more than 500 among the last 10,000'],
  },
  {
    rule: 'transform that never worked goes on',
    file: 'src/runtime/fault/dead-limit.ts',
    from: 'if (this.succeeded) return null',
    to: 'if (this.singles >= 0) return null',
    test: [settlement, 'sixteen times for single rows'],
  },
]

const replies: readonly Mutant[] = [
  {
    rule: 'parent not checked',
    ...reply,
    from: 'if (row < before || row >= rows) throw',
    to: 'if (rows < 0) throw',
    test: [codec, 'with a parent behind the rows that were sent'],
  },
  {
    rule: 'side output parent off by one',
    ...reply,
    from: 'origin: takeOrigin(asked.rows.origin, parent)',
    to: 'origin: takeOrigin(asked.rows.origin, parent.map(row => row + 1))',
    test: [codec, 'with rows of a side output, each from its parent'],
  },
  {
    rule: 'number of rows not checked',
    ...reply,
    from: 'if (added.rows !== m || found.rows !== m) throw',
    to: 'if (m < 0) throw',
    test: [codec, 'with a row too few'],
  },
  {
    rule: 'number of states not checked',
    ...reply,
    from: 'if (state.rows !== keys) throw',
    to: 'if (keys < 0) throw',
    test: [codec, 'with state of a key too few'],
  },
  {
    rule: 'keys to delete forgotten',
    ...reply,
    from: 'clear: clear?.bytes ?? null',
    to: 'clear: null',
    test: [codec, 'with the new state of each key'],
  },
  {
    rule: 'dead row of no row accepted',
    file: 'src/runtime/flow/dead-rows.ts',
    from: 'row >= 0 && row < rows',
    to: 'row >= -rows',
    test: [codec, 'with a dead row behind the rows that were sent'],
  },
  {
    rule: 'table that nobody reads accepted',
    ...reply,
    from: "if (this.expects(table, call.kind === 'rows')) return",
    to: 'if (table.rows >= 0) return',
    test: [codec, 'with a table that the stage does not have'],
  },
  {
    rule: 'job goes on with a worker that sends nonsense',
    ...settle,
    from: 'if (this.refusedInARow < refusedMax) return null',
    to: 'if (this.refusedInARow > 0) return null',
    test: [settlement, 'twice in a row stops the job'],
  },
  {
    rule: 'table laid over another one accepted',
    file: 'src/transport/frame.ts',
    from: 'if (offset !== entry.begin) throw',
    to: 'if (offset < 0) throw',
    test: [unit('runtime/hostile-replies'), 'of a keyed transform is refused, or changes no row'],
  },
]

const room: readonly Mutant[] = [
  {
    rule: 'lease granted without room downstream',
    file: 'src/runtime/flow/stage.ts',
    from: 'return this.outputs.every(o => o.room)',
    to: 'return this.outputs.length > 0',
    test: [stage, 'behind it a stage makes no call'],
  },
  {
    rule: 'back-pressure ignored',
    file: 'src/runtime/flow/engine.ts',
    from: ' || !source.output.room',
    to: '',
    test: [stage, 'behind it a stage makes no call'],
  },
  {
    rule: 'slot reused early',
    file: 'src/transport/slots.ts',
    from: 'if (slot.at - at >= size) break',
    to: 'if (slot.at - at >= 64) break',
    test: [unit('transport/slots'), 'never overlap and never leave the mapping'],
  },
  {
    rule: 'slot reused after the reply to another attempt',
    file: 'src/workers/start/outbox.ts',
    from: 'return this.out.get(e.sequence)?.envelope.attempt === e.attempt',
    to: 'return this.out.has(e.sequence)',
    test: [unit('workers/outbox'), 'is lent to one call until that very attempt has replied'],
  },
  {
    rule: 'files of a new run visible early',
    file: 'src/connectors/files/shelf.ts',
    from: `if (this.previous.length > 0) {
      this.held`,
    to: `if (this.previous.length > 1_000) {
      this.held`,
    test: [unit('connectors/files-sink'), 'a finished run stays whole until the new one is'],
  },
]

const unions: readonly Mutant[] = [
  {
    rule: 'union of branches of one source waits for the end of the first',
    file: 'src/runtime/flow/ordering.ts',
    from: "follow(inputsOf(u)) ? 'declared' : 'place'",
    to: "'declared'",
    test: [unit('runtime/union'), 'by place where branches of one source flow together'],
  },
  {
    rule: 'children of one row fill the queue before a union',
    file: 'src/runtime/flow/edge.ts',
    from: 'this.wholeRows && this.hasOneSourceRow',
    to: 'false',
    test: [unit('runtime/union'), 'that all come from one source row never fill the queue'],
  },
  {
    rule: 'lanes give rows to a union in the order in which they come back',
    file: 'src/runtime/flow/stage.ts',
    from: 'terms.inOrder && this.lanes.length > 1',
    to: 'this.lanes.length < 0',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order, whatever breaks: from seed 1'],
  },
  {
    rule: 'later dead rows of a key not tried again',
    file: 'python/anabranch/_chain/undo.py',
    from: 'one.operator < stateless or first[int(grouping.index[one.row])] == one.row',
    to: 'first',
    test: ['test/python/test_rejects.py', 'test_a_row_is_dead_only_if_it_dies_on_the_state_of_the_good_rows_before_it'],
  },
  {
    rule: 'row blamed by a count though workers die by chance',
    file: 'src/runtime/fault/decide.ts',
    from: 'Math.ceil(Math.log(doubt) / Math.log(Math.min(perCall, 0.5)))',
    to: '0',
    test: [fault, 'where workers die by chance in each tenth call'],
  },
]

const memoryRules: readonly Mutant[] = [
  {
    rule: 'memory used again before the sink has read it',
    file: 'src/runtime/flow/vertices.ts',
    from: 'this.writing = rows.loan',
    to: 'rows.loan?.release()',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order'],
  },
  {
    rule: 'memory of a reply used again while its rows are on their way',
    ...settle,
    from: '  reply?.keep()\n',
    to: '',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order'],
  },
  {
    rule: 'memory of half a batch used again for the other half',
    file: 'src/runtime/flow/rows.ts',
    from: '  loan?.keep()\n',
    to: '',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order'],
  },
]

export const mutants: readonly Mutant[] = [
  ...leases,
  ...order,
  ...faults,
  ...replies,
  ...room,
  ...unions,
  ...memoryRules,
]
