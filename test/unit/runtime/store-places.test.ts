/** How the store of a run that begins at a savepoint takes the place of the one that is there: real folders, whoever dies at which step. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Files } from '../../../src/base/index.js'
import { batchFromRows } from '../../../src/batch/index.js'
import { type EpochRecord, encodeRecord, savepointFile } from '../../../src/checkpoint/index.js'
import { encodeSavepoint } from '../../../src/checkpoint/savepoint.js'
import { type StateTaken } from '../../../src/runtime/flow/index.js'
import { realFiles } from '../../../src/runtime/index.js'
import { StorePlaces } from '../../../src/runtime/open/store-places.js'
import { KeyDigest, KeyIndex, OperatorState, StateTable } from '../../../src/state/index.js'
import { type StateStore, openStateFolder } from '../../../src/state/stores/index.js'
import { HandClock } from '../../support/connectors.js'
import { emptyRecord } from '../../support/empty-record.js'
import { KeyedRows, countsByUser } from '../state/rows-of-state.js'

const record = (lineage: string, epoch: number): EpochRecord =>
  emptyRecord({ lineage, epoch, begun: { lineage: 'fedcba9876543210', epoch } })

class Died extends Error {}

/** Real files, and a machine that dies before or after its nth change of names. */
function dyingFiles(step: number, side: 'before' | 'after'): Files & { readonly steps: () => number } {
  let steps = 0
  const changing =
    <A extends readonly unknown[]>(change: (...args: A) => void) =>
    (...args: A): void => {
      if (steps === step && side === 'before') throw new Died()
      change(...args)
      steps += 1
      if (steps === step + 1 && side === 'after') throw new Died()
    }
  return {
    ...realFiles,
    rename: changing(realFiles.rename.bind(realFiles)),
    removeTree: changing(realFiles.removeTree.bind(realFiles)),
    writeText: changing(realFiles.writeText.bind(realFiles)),
    syncDirectory: changing(realFiles.syncDirectory.bind(realFiles)),
    steps: () => steps,
  }
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anabranch-places-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const places = (files: Files): StorePlaces =>
  new StorePlaces(folder, {
    plan: { job: 'counts' },
    world: {
      files,
      random: { below: () => 0, hex: () => randomBytes(8).toString('hex') },
      clock: new HandClock(),
    },
    options: { out: folder, fresh: false, from: null, stateBudgetBytes: 1 << 20 },
  })

/** Users with a count, in blocks. */
function inBlocks(counts: Readonly<Record<string, number>>, epoch: number): StateTaken {
  const rows = new KeyedRows('counts', countsByUser)
  rows.count(counts)
  return { blocks: rows.take(epoch), keys: rows.takeKeys() }
}

/** The run that was there has written one epoch. */
async function written(): Promise<void> {
  const store = await places(realFiles).open()
  const { blocks, keys } = inBlocks({ ann: 1 }, 1)
  await store.prepare(1, encodeRecord(record(store.lineage, 1)), blocks, keys)
  store.finish(1)
  await store.close()
}

/** A run begins at a savepoint of epoch 7: one key has no room in memory, the other one has. */
async function begin(files: Files): Promise<void> {
  const at = places(files)
  at.settle()
  const made = await at.make()
  const form = countsByUser
  const keys = batchFromRows(form.key, [{ user: 'bob' }])
  const index = new KeyIndex(form)
  const [group = 0] = index.resolve(keys).map(slot => index.groupOf[slot] ?? 0)
  const operator = new OperatorState({ operator: 'counts', form, index, table: new StateTable(form.state) })
  const state = batchFromRows(form.state, [{ n: 2n, label: 'bob 2' }])
  const bob = { epoch: 0, bytes: 0, keys, state, deleted: new Uint8Array(1), groups: Uint16Array.of(group) }
  try {
    await made.writeCold([operator.goesBeyond(form, bob, 7)])
    const first = record(made.lineage, 7)
    const descent = at.descentOf(made.lineage, first.begun)
    const next = await at.replace(made, { record: first, descent, state: withBeyond(made, inBlocks({ cid: 3 }, 7)) })
    await next.close()
  } finally {
    await made.close()
  }
}

/** The record counts keys on both sides. */
function withBeyond(made: StateStore, { blocks, keys }: StateTaken): StateTaken {
  const digest = new KeyDigest(countsByUser.keyGroups)
  for (const change of keys) digest.set(change)
  const beyond = made.coldKeysOf('counts')
  if (beyond !== null) digest.add(beyond)
  return { blocks, keys: [digest.whole('counts')] }
}

/** Whose state is there for who comes next: each user with its count. */
async function found(): Promise<Readonly<Record<string, number>>> {
  const at = places(realFiles)
  at.settle()
  expect(readdirSync(folder)).toEqual(['store'])
  const store = await at.open()
  await store.checkCold()
  const rows = new KeyedRows('counts', countsByUser)
  await store.restore('counts', block => rows.restore(block))
  await store.close()
  return rows.counts()
}

test('a run that begins anew takes the place of the one that is there whole or leaves it, whichever change the machine dies at', async () => {
  const renewed = async (files: Files): Promise<void> => {
    const at = places(files)
    const next = await at.renew(await at.make())
    await next.close()
  }
  const counting = dyingFiles(Number.POSITIVE_INFINITY, 'before')
  await written()
  await renewed(counting)
  expect(await found()).toEqual({})
  const seen = new Set<string>()
  for (let step = 0; step < counting.steps(); step += 1)
    for (const side of ['before', 'after'] as const) {
      rmSync(join(folder, 'store'), { recursive: true })
      await written()
      await expect(renewed(dyingFiles(step, side))).rejects.toThrow(Died)
      seen.add(JSON.stringify(await found()))
    }
  expect([...seen].toSorted()).toEqual(['{"ann":1}', '{}'])
})

describe('the store of a run that begins at a savepoint', () => {
  test('takes the place of the one that is there, with what lies beyond memory', async () => {
    await written()
    await begin(realFiles)
    expect(await found()).toEqual({ bob: 2, cid: 3 })
  })

  test('U7: takes it whole or leaves what was there, whichever change of names the machine dies before or behind', async () => {
    const counting = dyingFiles(Number.POSITIVE_INFINITY, 'before')
    await written()
    await begin(counting)
    expect(counting.steps()).toBeGreaterThanOrEqual(6)
    const seen = new Set<string>()
    for (let step = 0; step < counting.steps(); step += 1)
      for (const side of ['before', 'after'] as const) {
        rmSync(join(folder, 'store'), { recursive: true })
        await written()
        await expect(begin(dyingFiles(step, side))).rejects.toThrow(Died)
        const state = JSON.stringify(await found())
        expect(['{"ann":1}', '{"bob":2,"cid":3}']).toContain(state)
        seen.add(state)
      }
    expect(seen.size).toBe(2)
  })

  test('is gone where the start is refused, and what was there is as it was', async () => {
    await written()
    const at = places(realFiles)
    const made = await at.make()
    expect(readdirSync(folder).toSorted()).toEqual(['making', 'store'])
    await at.giveUp(made)
    expect(await found()).toEqual({ ann: 1 })
  })

  // It said to begin at a savepoint, and whoever did so was told the same again.
  test('is refused by who begins there again where it is damaged, with the way to begin there once more', async () => {
    await begin(realFiles)
    const place = await openStateFolder({ path: join(folder, 'store'), job: 'counts', lineage: '' })
    await place.condemn('an entry is gone')
    await place.close()
    const from = join(folder, 'half')
    const saved = { name: 'half', wallMs: 1, epoch: record('fedcba9876543210', 7), operators: [], files: {} }
    mkdirSync(from)
    writeFileSync(join(from, savepointFile), encodeSavepoint(saved))
    await expect(places(realFiles).begunAt(from)).rejects.toMatchObject({
      code: 'ANB6010',
      message: 'an entry is gone',
      hint: `bring back the whole folder, or begin at the savepoint once more: --from ${from} --fresh`,
    })
  })
})
