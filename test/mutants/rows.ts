/** Rules of what passes between the engine, its workers and its queues: replies, room, unions, memory. */
import { type Mutant, codec, fault, reply, settle, settlement, stage, unit } from './mutant.js'

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
    from: 'takeOrigin(rows.origin, parent)',
    to: 'takeOrigin(rows.origin, parent.map(row => row + 1))',
    test: [codec, 'with rows of a side output, each from its parent'],
  },
  {
    rule: 'number of rows not checked',
    ...reply,
    from: 'if (batch.rows !== m || found.rows !== m) throw',
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
    file: 'src/runtime/flow/intake.ts',
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
    from: `if (this.previous !== null) {
      this.held`,
    to: `if (this.previous === undefined) {
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
    from: 'terms.inOrder && count > 1',
    to: 'count < 0',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order, whatever breaks: from seed 0001'],
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
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order, whatever breaks: from seed 0001'],
  },
  {
    rule: 'memory of a reply used again while its rows are on their way',
    ...settle,
    from: '  reply?.keep()\n',
    to: '',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order, whatever breaks: from seed 0001'],
  },
  {
    rule: 'memory of half a batch used again for the other half',
    file: 'src/runtime/flow/rows.ts',
    from: '  loan?.keep()\n',
    to: '',
    test: ['test/simulation/seeds-1.test.ts', 'every row comes out once and in order, whatever breaks: from seed 0001'],
  },
]

export const rowRules: readonly Mutant[] = [...replies, ...room, ...unions, ...memoryRules]
