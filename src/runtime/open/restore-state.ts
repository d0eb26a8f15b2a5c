/**
 * Restoring state: the rows of what a run goes on from into the engine, through a migration where one is declared for them.
 * What the job has no operator for is refused, unless it was said that it is left behind.
 */
import { PlanError, StateError } from '../../base/index.js'
import { type Batch } from '../../batch/index.js'
import { type Base, type EpochRecord, type StoredState } from '../../checkpoint/index.js'
import { type StageOperator, type Topology } from '../../plan/index.js'
import { schemaFromJson } from '../../schema/index.js'
import {
  type ColdSide,
  KeyDigest,
  type StateForm,
  StoredOperator,
  type StoredRows,
  declaredState,
  expectKeys,
  storedIds,
} from '../../state/index.js'
import { type Engine } from '../flow/index.js'
import { type BeyondKeeper } from './beyond-keeper.js'
import { migrateBeyond } from './migrate-beyond.js'
import { type DeclaredValues, type Migrating, type Migration, migratedRowsMax } from './migrating.js'
import { PassingRows } from './passing-rows.js'
import { restoreSaved } from './restore-saved.js'

export const statesOf = ({ vertices }: Topology): readonly StageOperator[] =>
  vertices.flatMap(vertex => (vertex.kind === 'stage' ? vertex.operators.filter(({ fn }) => fn.keyed) : []))

export const declaredValues = (topology: Topology): DeclaredValues =>
  new Map(statesOf(topology).map(({ id, fn }) => [id, declaredState(schemaFromJson(fn.state)).values]))

/** What is stored of an operator's values, or of a list or map of it, is the operator's. */
export const ownerOf = ({ operator }: StoredState): string => operator.split('/')[0] ?? operator

type LeftBase = Pick<Base, 'operators' | 'digests' | 'restore'>

/**
 * What is stored that the job has no place for, all of which may be left behind: operators that are dropped with consent, and
 * lists and maps that are not declared any more.
 *
 * @throws StateError ANB6018 where an operator is gone without consent; PlanError ANB8003 where one is to be dropped that is there
 */
export async function leftBehind(
  base: LeftBase,
  topology: Topology,
  dropState: readonly string[],
): Promise<readonly string[]> {
  const declared = declaredValues(topology)
  const there = dropState.find(id => declared.has(id))
  if (there !== undefined) throw notDropped(there)
  const kept = base.operators.filter(each => !declared.has(ownerOf(each)) && !dropState.includes(ownerOf(each)))
  if (kept.length === 0) {
    const ids = new Set(statesOf(topology).flatMap(({ id, fn }) => storedIds(id, schemaFromJson(fn.state))))
    return base.operators.map(({ operator }) => operator).filter(operator => !ids.has(operator))
  }
  const found: string[] = []
  for (const each of kept) found.push(`operator "${each.operator}" with ${await keysOf(base, each)} keys`)
  const gone = [...new Set(kept.map(ownerOf))]
  throw new StateError(
    'ANB6018',
    `there is state of ${found.join(', ')}, and the job has no keyed operator of that id`,
    {
      detail: declared.size === 0 ? 'It has none.' : `It has ${[...declared.keys()].map(id => `"${id}"`).join(', ')}.`,
      hint: `bring it back or give it its old id; or leave its state behind: ${gone.map(id => `--drop-state ${id}`).join(' ')}`,
    },
  )
}

const notDropped = (id: string): PlanError =>
  new PlanError('ANB8003', `--drop-state leaves behind what the job has no more, and it has operator "${id}"`, {
    hint: `leave it out; or give the operator another id, with which it begins without state, and drop that of "${id}"`,
  })

/** Of what was counted when it was written nothing has to be read. */
async function keysOf(base: LeftBase, { operator, form }: StoredState): Promise<number> {
  if (base.digests !== null) return base.digests.get(operator)?.total ?? 0
  return (await storedIn(base, operator, form)).slots.length
}

/**
 * @param beyond what memory has no room for goes there, and what lies there stays; null: all of it is read.
 * @param signal ends a restore of a savepoint.
 */
export async function restoreState(
  base: Base,
  engine: Engine,
  {
    migrating,
    beyond,
    signal,
  }: { readonly migrating: Migrating; readonly beyond: BeyondKeeper | null; readonly signal: AbortSignal },
): Promise<void> {
  const found = base.operators.map(each => ({ ...each, migration: migrating.find(each.operator, each.form) }))
  if (base.saved === null) await restoreStored(base, engine, { found, migrating, beyond })
  else
    for (const { operator, form, migration: of } of found) {
      if (of !== null) engine.state.accept(operator, { ...form, state: of.to })
      const migration = of === null ? null : { to: of.to, migrate: (rows: Batch) => migrating.migrate(of, rows) }
      await restoreSaved(base, engine.state, { operator, migration, beyond, signal })
    }
  expectRestoredKeys(base, engine, beyond)
}

interface FoundState extends StoredState {
  readonly migration: Migration | null
}

async function restoreStored(
  base: Base,
  engine: Engine,
  {
    found,
    migrating,
    beyond,
  }: {
    readonly found: readonly FoundState[]
    readonly migrating: Migrating
    readonly beyond: BeyondKeeper | null
  },
): Promise<void> {
  // What was migrated lies beyond memory before keys of other operators are brought back, with all that they have.
  for (const { form, migration } of found)
    if (migration !== null) await migrate({ base, engine, migrating, beyond }, migration, form)
  if (beyond !== null) beginSides(engine.state, beyond)
  for (const each of found) if (each.migration === null) await restoreOperator(base, engine.state, each, beyond)
}

/** All is restored: the engine has the keys that were written, in memory and beyond it. @throws StateError ANB6019 */
export function expectRestoredKeys(base: Base, engine: Engine, beyond: BeyondKeeper | null): void {
  const { digests, operators, place, record } = base
  for (const operator of new Set([...operators.map(each => each.operator), ...(digests?.keys() ?? [])])) {
    const found = engine.state.countRestored(operator, beyond?.keysOf(operator) ?? null)
    if (found === null || digests === null) continue
    const expected = digests.get(operator) ?? new KeyDigest(found.keyGroups)
    expectKeys({ operator, place, epoch: record.epoch }, expected, found)
  }
}

type RestoredBase = Pick<Base, 'restore' | 'digests'> & { readonly record: Pick<EpochRecord, 'epoch'> }
type RestoredState = Pick<Engine['state'], 'expect' | 'restoreRows' | 'restoreWithin' | 'passing' | 'coldSides'>

/** The rows of one operator, as `restoreState` does. */
export async function restoreOperator(
  base: RestoredBase,
  state: RestoredState,
  { operator, form }: Pick<StoredState, 'operator' | 'form'>,
  beyond: BeyondKeeper | null,
): Promise<void> {
  const sides = beyond === null ? [] : beginSides(state, beyond)
  if (beyond === null || sides.length === 0) {
    state.expect(operator, base.digests?.get(operator)?.total ?? 0)
    return base.restore(operator, (stored, rows) => state.restoreRows(operator, stored, rows))
  }
  const may = state.passing(operator, form)
  const passing = may === null ? null : new PassingRows(beyond, { operator, ...may })
  const into = async (stored: StateForm, rows: StoredRows): Promise<void> => {
    if (passing === null) state.restoreRows(operator, stored, rows)
    else await passing.take(stored, state.restoreWithin(operator, stored, rows))
    for (const side of sides) if (side.isCrowded) await beyond.settle(side, rows.epoch)
  }
  await base.restore(operator, into, { hot: true })
  for (const side of sides) await beyond.settle(side, base.record.epoch)
  await passing?.write(base.record.epoch)
  beginSides(state, beyond)
}

function beginSides(state: Pick<RestoredState, 'coldSides'>, beyond: BeyondKeeper): readonly ColdSide[] {
  for (const side of state.coldSides) side.begin(operator => beyond.rowsOf(operator))
  return state.coldSides
}

/** All rows once, and no older one of the same key. */
async function migrate(
  {
    base,
    engine,
    migrating,
    beyond,
  }: {
    readonly base: Base
    readonly engine: Engine
    readonly migrating: Migrating
    readonly beyond: BeyondKeeper | null
  },
  migration: Migration,
  form: StateForm,
): Promise<void> {
  const { operator, to } = migration
  engine.state.accept(operator, { ...form, state: to })
  if (beyond !== null && engine.state.coldSides.length > 0) {
    await migrateBeyond(base, beyond, { operator, form, to, migrate: rows => migrating.migrate(migration, rows) })
    return engine.state.rewrite(operator)
  }
  const stored = await storedIn(base, operator, form)
  const { slotsByGroup: slots } = stored
  for (let from = 0; from < slots.length; from += migratedRowsMax) {
    const { keys, state } = stored.rowsOf(slots.subarray(from, from + migratedRowsMax))
    const migrated = await migrating.migrate(migration, state)
    const deleted = new Uint8Array(Math.ceil(keys.rows / 8))
    engine.state.restoreRows(operator, { ...form, state: to }, { epoch: 0, bytes: 0, keys, state: migrated, deleted })
  }
  engine.state.rewrite(operator)
}

async function storedIn(base: Pick<Base, 'restore'>, operator: string, form: StateForm): Promise<StoredOperator> {
  const stored = new StoredOperator(operator, form)
  await base.restore(operator, (each, rows) => stored.takeRows(each, rows))
  return stored
}
