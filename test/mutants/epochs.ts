/**
 * Rules of epochs, of what they leave on disk and of how a run goes on: the deliberate bugs that the simulation and the
 * crash tests must find. Those of `quickBugs` are tried in CI (test/system/deliberate-bugs.test.ts).
 */
import { type Mutant, settle, unit } from './mutant.js'
import { swapRules } from './swaps.js'

const seeds = [
  'test/simulation/seeds-1.test.ts',
  'every row comes out once and in order, whatever breaks: from seed 0001',
] as const
const epochs = { file: 'src/runtime/epoch/epochs.ts' } as const
const cutting = { file: 'src/runtime/flow/cutting.ts' } as const
const intake = { file: 'src/runtime/flow/intake.ts' } as const
const sink = { file: 'src/connectors/files/sink.ts' } as const
const resume = { file: 'src/connectors/files/resume.ts' } as const
const shelf = { file: 'src/connectors/files/shelf.ts' } as const
const store = { file: 'src/state/stores/state-store.ts' } as const
const persistence = { file: 'src/state/stores/persistence.ts' } as const
const level = { file: 'src/state/stores/level.ts' } as const
const filesEpochs = unit('connectors/files-epochs')
const filesLineages = unit('connectors/files-lineages')
const storeFaults = unit('state/store-faults')
const storeDamage = unit('state/store-damage')
const anyStep = [filesEpochs, "'json' of 1000000000 bytes a part, by undefined: every row once"] as const

/** Found within seconds. */
export const quickBugs: readonly Mutant[] = [
  {
    rule: 'source goes on one poll too late',
    ...intake,
    from: 'return { position: mark.position, rows: mark.rows }',
    to: 'return { position: (marks[at + 1] ?? mark).position, rows: mark.rows }',
    test: seeds,
  },
  {
    rule: 'epoch is cut while calls are out',
    ...cutting,
    from: 'if (!quiet || graph.holdsAdmitted) {',
    to: 'if (graph.holdsAdmitted) {',
    test: seeds,
  },
  {
    rule: 'changed state left out of its epoch',
    ...cutting,
    from: 'into.state.push(...stage.takeDirty(epoch))',
    to: 'into.state.push(...stage.takeDirty(epoch).slice(1))',
    test: seeds,
  },
  {
    rule: 'rows of a later poll pass a cut',
    file: 'src/runtime/flow/gate.ts',
    from: 'return fresh.poll <= (this.bounds[fresh.source] ?? 0)',
    to: 'return fresh.poll <= (this.bounds[fresh.source] ?? 0) + 1',
    test: seeds,
  },
  {
    rule: 'rows visible before their epoch is committed',
    ...sink,
    from: 'names.has(each.state.name)',
    to: 'names.size >= 0',
    test: [filesEpochs, 'shows no row before its epoch is committed, and each epoch as it comes'],
  },
  {
    rule: 'handle used again after a full disk',
    ...persistence,
    from: 'if (await this.parts.reopened(write)) return',
    to: 'await Promise.resolve()',
    test: [storeFaults, 'S7 on a full disk is tried again on a fresh handle'],
  },
]

const flow: readonly Mutant[] = [
  {
    rule: 'source goes on one poll too early',
    ...intake,
    from: 'return { position: mark.position, rows: mark.rows }',
    to: 'return { position: (marks[at - 1] ?? mark).position, rows: mark.rows }',
    test: seeds,
  },
  {
    rule: 'cut leaves rows in queues',
    ...cutting,
    from: 'if (!quiet || graph.holdsAdmitted) {',
    to: 'if (!quiet) {',
    test: seeds,
  },
  {
    rule: 'counts begin anew where a run goes on',
    ...cutting,
    from: '    ledger.restore(restored.ledger)\n',
    to: '',
    test: seeds,
  },
  {
    rule: 'at_end called again where a run goes on',
    ...cutting,
    from: 'if (restored.lastCalls.includes(stage.vertex.number)) stage.restoreLastCalls()',
    to: 'if (restored.epoch < 0) stage.restoreLastCalls()',
    // A host has to die behind a last call: few seeds have that.
    test: [seeds[0], 'every row comes out once and in order, whatever breaks: from seed 0401'],
  },
  {
    rule: 'epoch finished before every sink has it',
    ...epochs,
    from: 'oldest.committed.size < this.sinks',
    to: 'oldest.committed.size < 1',
    test: [unit('runtime/epochs'), 'is prepared by every sink, then written, then committed by every sink'],
  },
  {
    rule: 'sink commits before the epoch is written',
    ...epochs,
    from: "if (next?.phase === 'written') this.commit(sink, next)",
    to: 'if (next !== undefined) this.commit(sink, next)',
    test: [unit('runtime/epochs'), 'is committed by no sink before it is written'],
  },
  {
    rule: 'any number of epochs on their way',
    ...epochs,
    from: 'return this.open.length >= this.terms.openMax',
    to: 'return this.open.length > 1_000',
    test: [unit('runtime/epochs'), 'is not cut while as many as may be are on their way'],
  },
  {
    rule: 'last row of a bisected batch dropped',
    ...settle,
    from: 'const [first, second] = splitRows(piece.rows, middle)',
    to: 'const [first, second] = splitRows(splitRows(piece.rows, rowCount(piece.rows) - 1)[0], middle)',
    test: seeds,
  },
]

const disk: readonly Mutant[] = [
  {
    rule: 'rows behind the newest epoch stay',
    file: 'src/connectors/files/staging.ts',
    from: '    writing(path, () => file.truncate(bytes))\n',
    to: '',
    test: anyStep,
  },
  {
    rule: 'epoch prepared before its rows are synced',
    ...sink,
    from: '...growing.map(({ part }) => part.sync())',
    to: '...growing.map(() => Promise.resolve())',
    test: anyStep,
  },
  {
    rule: 'marker that is gone taken for none',
    file: 'src/connectors/files/markers.ts',
    from: 'if (applied > 0 || !marked) return applied',
    to: 'if (applied >= 0) return applied',
    test: [filesEpochs, 'is refused with ANB6021 where the marker is gone'],
  },
  {
    rule: 'rows behind a savepoint taken back unasked',
    ...resume,
    from: 'if (start.rewinds !== true) refuseBehind(',
    to: 'if (start.rewinds === null) refuseBehind(',
    test: [filesLineages, 'is refused without consent while epochs behind it are shown'],
  },
  {
    rule: 'rows behind a savepoint stay though somebody consented',
    ...resume,
    from: '|| epoch <= at.epoch ||',
    to: '|| epoch >= 0 ||',
    test: [filesLineages, 'keeps the rows that came before it, where it died'],
  },
  {
    rule: 'part with rows of both sides goes with those behind',
    ...shelf,
    from: 'epoch: Math.min(part.epoch, at.epoch)',
    to: 'epoch: part.epoch',
    test: [filesLineages, 'keeps a part with rows of both sides'],
  },
  {
    rule: 'run is still finished when the first of its files goes',
    ...shelf,
    from: "if (found.status === 'finished')\n      writeManifest",
    to: "if (found.status === 'publishing')\n      writeManifest",
    test: [filesLineages, 'is not finished any more once its first file is taken back'],
  },
  {
    rule: 'consent to go back forgotten when the start dies',
    file: 'src/runtime/open/epoch-keeper.ts',
    from: 'this.parts.rewind || wasAsked',
    to: 'this.parts.rewind',
    test: [unit('runtime/starts'), 'a sink that a savepoint does not know is taken back by the next start'],
  },
  {
    rule: 'sink that ran before two savepoints not known any more',
    ...resume,
    from: '...forebears.toReversed()',
    to: '...forebears.slice(-1)',
    test: [filesLineages, 'goes on beside what it showed where other runs came in between'],
  },
  {
    rule: 'sink that is ahead of the state goes on',
    ...sink,
    from: 'if (applied > start.epoch) return { applied }',
    to: 'if (applied > start.epoch + 1_000) return { applied }',
    test: [filesEpochs, 'a marker that is ahead of the state is told, and nothing is touched'],
  },
  {
    rule: 'check sums of state not looked at',
    file: 'src/state/stores/read-blocks.ts',
    from: 'bytes.length === block.bytes && isWhole(bytes, block.sum)',
    to: 'bytes.length === block.bytes',
    test: [storeDamage, 'S5 a bit flipped anywhere in the tables never gives a wrong value'],
  },
  {
    rule: 'key of a key group lost beyond memory',
    file: 'src/state/cold-side.ts',
    from: "slots.filter(slot => !residence.is(slot, 'same'))",
    to: "slots.filter((slot, i) => i !== 1 && !residence.is(slot, 'same'))",
    test: [unit('state/key-digest'), 'are the same whatever of them lies beyond memory'],
  },
  {
    rule: 'key that is missing at a start goes unseen',
    file: 'src/state/key-digest.ts',
    from: 'if (group === undefined) return',
    to: 'if (others.length < 1_000) return',
    test: [unit('state/key-digest'), 'a key is missing'],
  },
  {
    rule: 'row of a block left out at a start',
    file: 'src/state/restore.ts',
    from: 'const slots = index.resolve(keys)',
    to: 'const slots = index.resolve(keys).fill(0, 0, 1)',
    test: [unit('state/key-digest'), 'are counted as they come, change and go'],
  },
  {
    rule: 'records not chained',
    file: 'src/state/stores/read-records.ts',
    from: 'if (before.digest === head.previous) return before',
    to: 'if (before.digest !== "") return before',
    test: [storeDamage, 'S4 an epoch that is gone from the middle of a long log'],
  },
  {
    rule: 'state made anew where it should be',
    ...level,
    from: 'createIfMissing: create',
    to: 'createIfMissing: true',
    test: [storeFaults, 'creates nothing where something should be, and opens nothing where something should be new'],
  },
  {
    rule: 'writes go on after an error',
    ...level,
    from: `    } catch (error) {
      this.broken = error
`,
    to: '    } catch (error) {\n',
    test: [storeFaults, 'writes nothing more after an error'],
  },
  {
    rule: 'epoch written again though it is there',
    ...persistence,
    from: 'if (await this.parts.reopened(write)) return',
    to: 'await this.parts.reopened(write)',
    test: [storeFaults, 'S8 with an error of fsync may be there all the same, and is not written twice'],
  },
  {
    rule: 'state that is older than what was seen goes on',
    file: 'src/state/stores/read-records.ts',
    from: 'if (epoch > head.epoch || (epoch === head.epoch && newest?.digest === head.digest)) return',
    to: 'if (epoch >= 0) return',
    test: [storeDamage, 'S13 tables of an older copy are refused with both epochs'],
  },
  {
    rule: 'savepoint with positions of one epoch and state of another',
    ...store,
    from: 'return this.inTurn(() => this.takeSnapshot())',
    to: 'return Promise.resolve(this.takeSnapshot())',
    test: [storeFaults, 'S9 a snapshot that is asked for while a slow disk writes an epoch'],
  },
]

export const epochRules: readonly Mutant[] = [...quickBugs, ...flow, ...disk, ...swapRules]
