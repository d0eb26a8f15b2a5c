/** The rules that are taken away one at a time. */
import { type Mutant, fault, lease, queues, settle, settlement, stage, unit } from './mutant.js'
import { budgetRules } from './budgets.js'
import { collectionRules } from './collections.js'
import { callRules } from './calls.js'
import { forkRules } from './forks.js'
import { placeRules } from './places.js'
import { epochRules } from './epochs.js'
import { rowRules } from './rows.js'

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
    file: 'src/runtime/flow/calls.ts',
    from: "i === 0 && loss.kind !== 'replaced'",
    to: "loss.kind !== 'replaced'",
    test: [settlement, 'blames only the rows that it had begun'],
  },
]

const order: readonly Mutant[] = [
  {
    rule: 'replies not re-ordered',
    file: 'src/runtime/flow/lane.ts',
    from: 'if (overtaking) {',
    to: 'if (overtaking || done.length > 0) {',
    test: [settlement, 'leaves a stage without key in the order of the rows'],
  },
  {
    rule: 'two calls of a keyed lane out at once',
    file: 'src/runtime/flow/stage.ts',
    from: 'const window = key === null ? terms.window : 1',
    to: 'const { window } = terms',
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
    from: '!this.input.ended || (this.ending === null && !this.idle)) return false',
    to: '(this.ending === null && !this.idle)) return false',
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
    from: 'untilMs: nowMs + waitMs',
    to: 'untilMs: nowMs + 5',
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
    from: 'if (this.died.length <= this.deadMax) return null',
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

export const mutants: readonly Mutant[] = [
  ...leases,
  ...order,
  ...faults,
  ...rowRules,
  ...callRules,
  ...forkRules,
  ...placeRules,
  ...epochRules,
  ...budgetRules,
  ...collectionRules,
]
