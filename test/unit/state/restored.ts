/** A start of one stage with a budget, as a host makes it: what a store has, into memory and beyond it. */
import { expect } from 'vitest'
import { BeyondKeeper, type BeyondStore } from '../../../src/runtime/open/beyond-keeper.js'
import { restoreOperator } from '../../../src/runtime/open/restore-state.js'
import { type ColdSide, type OperatorStates, readBlock } from '../../../src/state/index.js'
import { writtenIn } from './leavings.js'
import { type Snapshot, type StateStore } from '../../../src/state/stores/index.js'

interface Restored {
  readonly states: OperatorStates
  readonly cold: ColdSide
}

/** What is told of it. */
export interface RestoreWatch {
  /** Something is written beyond memory of these operators, lists and maps. */
  written(operators: readonly string[]): void
  /** All that some keys have there is asked for. */
  asked(): void
}

export async function restoreStage(
  store: StateStore,
  snapshot: Snapshot,
  { states, cold }: Restored,
  watch: RestoreWatch | null,
): Promise<void> {
  const watched: BeyondStore = {
    readCold: question => {
      if (question.collections.length > 0) watch?.asked()
      return store.readCold(question)
    },
    readColdPage: place => store.readColdPage(place),
    coldKeysOf: operator => store.coldKeysOf(operator),
    coldRowsOf: operator => store.coldRowsOf(operator),
    makeAnew: operator => store.makeAnew(operator),
    writeCold: changes => {
      watch?.written(writtenIn(changes))
      return store.writeCold(changes)
    },
  }
  const beyond = new BeyondKeeper(
    () => watched,
    () => expect.fail('nobody runs yet'),
  )
  const into = {
    coldSides: [cold],
    expect: states.expect.bind(states),
    passing: states.passing.bind(states),
    restoreRows: states.restore.bind(states),
    restoreWithin: states.restoreWithin.bind(states),
  }
  const base = {
    record: { epoch: snapshot.epoch },
    digests: snapshot.digests,
    restore: (...[operator, each, options]: Parameters<Parameters<typeof restoreOperator>[0]['restore']>) =>
      snapshot.restore(operator, block => each(block.form, readBlock(block)), options),
  }
  for (const each of snapshot.operators) await restoreOperator(base, into, each, beyond)
}
