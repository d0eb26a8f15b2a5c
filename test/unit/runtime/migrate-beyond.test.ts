/** Migrating state that is larger than memory: the real store on a simulated disk, whoever dies and whatever it refuses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromRows, rowsOf } from '../../../src/batch/index.js'
import { migrateBeyond } from '../../../src/runtime/open/migrate-beyond.js'
import { schemaFromJson } from '../../../src/schema/index.js'
import { type StateForm, readBlock } from '../../../src/state/index.js'
import { type Snapshot, type StateStore, type StorePlace, openStateFolder } from '../../../src/state/stores/index.js'
import { HostDied, SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'
import { refusing } from '../../support/refusing.js'
import { Run } from '../state/budget-run.js'
import { countsByUser as form } from '../state/rows-of-state.js'

const users = Array.from({ length: 60 }, (_, i) => `user ${i}`)
const to = schemaFromJson([
  ['n', 'int64'],
  ['label', 'utf8'],
  ['was', 'utf8'],
])
const declared: StateForm = { ...form, state: to }
const budget = 1

/** What is there beyond memory, in blocks that are newer, and gone. */
const before = new Map(
  users.flatMap((user, i) => (i % 5 === 4 ? [] : [[user, BigInt(i % 3 === 0 ? 1_000 + i : i)] as const])),
)

class Disk {
  fates: (write: number) => WriteFate = () => 'done'
  readonly place = new SimulatedPlace('0123456789abcdef', write => this.fates(write))

  static async written(): Promise<Disk> {
    const disk = new Disk()
    const first = await Run.open(disk.place, budget)
    await first.rows(users.map((user, i) => [user, i] as const))
    await first.cut()
    await first.store.close()
    const second = await Run.open(disk.place, 2 ** 30)
    const changed = users.flatMap((user, i): (readonly [string, number | null])[] => {
      if (i % 5 === 4) return [[user, null]]
      return i % 3 === 0 ? [[user, 1_000 + i]] : []
    })
    await second.rows(changed)
    await second.cut()
    await second.store.close()
    return disk
  }

  migrating(each?: (n: string) => void): Promise<Run> {
    return migratingAt(this.place, each)
  }

  /** The host is gone; the next one finds what was stored, in old columns or in new ones, all of it. */
  async expectWhole(): Promise<'old' | 'new'> {
    this.fates = () => 'done'
    await this.place.crash()
    const old = await Run.open(this.place, budget)
    const isOld = old.store.last?.epoch === 2
    if (isOld)
      expect(await old.found(users)).toEqual(
        users.map(user => expect.objectContaining({ n: before.get(user) ?? null })),
      )
    await old.store.close()
    const next = isOld ? await this.migrating() : await Run.open(this.place, budget, declared)
    await expectMigrated(next)
    await next.store.close()
    return isOld ? 'old' : 'new'
  }
}

/** The run that goes on with a migration; `n` of each row becomes 10 000 more, and text beside it. */
function migratingAt(place: StorePlace, each: (n: string) => void = () => undefined): Promise<Run> {
  const migrate = (rows: Batch): Promise<Batch> => {
    const made = rowsOf(rows).map(row => {
      each(String(row['n']))
      return { n: BigInt(Number(row['n']) + 10_000), label: row['label'], was: String(row['n']) }
    })
    return Promise.resolve(batchFromRows(to, made))
  }
  const all = (store: StateStore, snapshot: Snapshot): Promise<void> =>
    migrateBeyond(
      {
        record: { epoch: snapshot.epoch },
        restore: (operator, into, options) =>
          snapshot.restore(operator, block => into(block.form, readBlock(block)), options),
        restoreBeyond: (operator, into) =>
          snapshot.restoreBeyond(operator, block => into(block.form, readBlock(block))),
      },
      store,
      { operator: 'counts', form, to, migrate },
    )
  return Run.open(place, budget, declared, { wallMs: 0 }, all)
}

async function expectMigrated(run: Run): Promise<void> {
  const rows = users.map(user => {
    const n = before.get(user)
    return expect.objectContaining({ n: n === undefined ? null : n + 10_000n, was: n === undefined ? null : String(n) })
  })
  expect(await run.found(users)).toEqual(rows)
}

/** Migrates, and writes the first epoch. Answers the writes that it took. */
async function migrateAll(disk: Disk): Promise<number> {
  const run = await disk.migrating()
  await run.rows([])
  await run.cut()
  const { writes } = disk.place
  await run.store.close()
  return writes
}

describe('a migration of state that is larger than memory', () => {
  test('is called with each row once, the newest, and what it makes counts from the first epoch on', async () => {
    const disk = await Disk.written()
    const migrated: string[] = []
    const run = await disk.migrating(n => void migrated.push(n))
    expect(migrated.toSorted()).toEqual([...before.values()].map(String).toSorted())
    expect(run.hotKeys).toBe(0)
    await expectMigrated(run)
    await run.cut()
    await run.rows([['user 1', 7]])
    await run.cut()
    await run.store.close()
    const next = await Run.open(disk.place, budget, declared)
    expect(await next.found(['user 0', 'user 1'])).toMatchObject([
      { n: 11_000n, was: '1000' },
      { n: 7n, was: null },
    ])
    await next.store.close()
  })

  test('leaves nothing of what was stored before it, once the first epoch is written', async () => {
    const disk = await Disk.written()
    const run = await disk.migrating()
    for (let epoch = 0; epoch < 5; epoch++) await run.cut()
    await run.store.close()
    const names = [...(disk.place.cold?.keys() ?? [])].filter(name => !name.startsWith('ffffffff'))
    expect(names).toHaveLength(before.size)
    expect(new Set(names.map(name => name.slice(0, 8))).size).toBe(1)
  })

  test.each(['lost with the host', 'kept with the host'] as const)(
    'is there whole or not at all, whichever of its writes is %s',
    async fate => {
      const disk = await Disk.written()
      const { writes: first } = disk.place
      const last = await migrateAll(disk)
      const found: string[] = []
      for (let write = first; write < last; write++) {
        const dies = await Disk.written()
        dies.fates = at => (at === write ? fate : 'done')
        await expect(migrateAll(dies)).rejects.toMatchObject({ cause: expect.any(HostDied) })
        found.push(await dies.expectWhole())
      }
      expect(found.filter(each => each === 'old').length).toBeGreaterThanOrEqual(2)
      if (fate === 'kept with the host') expect(found).toContain('new')
    },
  )

  test('that finds no room on the disk is refused, and what was stored is whole', async () => {
    const disk = await Disk.written()
    const { writes } = disk.place
    disk.fates = at => (at > writes ? 'refused' : 'done')
    await expect(disk.migrating()).rejects.toMatchObject({
      code: 'ANB6011',
      message: `state beyond memory could not be written to ${disk.place.path}`,
    })
    expect(await disk.expectWhole()).toBe('old')
  })

  test.each([
    { refused: 1, message: 'state could not be written while it was read' },
    { refused: 9, message: 'state beyond memory could not be written to ' },
  ])(
    'S7 of which a real disk refuses $refused writes in the middle says so, and what was stored is whole',
    async ({ refused, message }) => {
      const many = Array.from({ length: 9_000 }, (_, i) => [`user ${i}`, i] as const)
      const folder = mkdtempSync(join(tmpdir(), 'anabranch-migrate-beyond-'))
      const path = join(folder, 'store')
      const terms = { path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 }
      try {
        const run = await Run.open(await openStateFolder(terms), budget)
        await run.rows(many)
        await run.cut()
        await run.store.close()
        const place = await openStateFolder(terms)
        const { refuse } = refusing(place)
        let rows = 0
        const migration = migratingAt(place, () => ++rows === 5_000 && refuse(0, refused))
        await expect(migration).rejects.toMatchObject({ code: 'ANB6011', message: expect.stringContaining(message) })
        await place.close()
        const again = await Run.open(await openStateFolder(terms), budget)
        expect(await again.found(many.map(([user]) => user))).toMatchObject(many.map(([, n]) => ({ n: BigInt(n) })))
        await again.store.close()
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  )

  test('that raises is refused, and what was stored is whole', async () => {
    const disk = await Disk.written()
    let row = 0
    await expect(
      disk.migrating(() => {
        if (++row === 30) throw new RangeError('row 30')
      }),
    ).rejects.toThrow('row 30')
    expect(await disk.expectWhole()).toBe('old')
  })
})
