/** What memory has no room for at a start is written beyond it as its blocks say, however many rows go together and whoever dies. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { batchFromRows, bitAt, rowsOf, setBit } from '../../../src/batch/index.js'
import { PassingRows } from '../../../src/runtime/open/passing-rows.js'
import { type ColdChanges, type ColdKeys, type StoredRows } from '../../../src/state/index.js'
import { decodeKeys } from '../../../src/state/key-decoder.js'
import { decodeRows } from '../../../src/state/row-codec.js'
import { countsByUser as form } from '../state/rows-of-state.js'

/** Rows of one block: each user has a number, or none any more. */
interface Block {
  readonly epoch: number
  readonly rows: ReadonlyMap<string, number | null>
}

class Died extends Error {}

/** Entries beyond memory, of users: what one has at the end of an epoch. A host dies in its write of this number. */
class Place {
  readonly entries = new Map<string, { readonly n: number; readonly epoch: number; readonly sum: number }>()
  writes = 0
  private sums = 0
  death: { readonly write: number; readonly kept: boolean } | null = null

  put(user: string, n: number | null, epoch: number): void {
    this.sums += 1
    if (n === null) this.entries.delete(user)
    else this.entries.set(user, { n, epoch, sum: this.sums })
  }

  sumsOf(_operator: string, keys: ColdKeys): Promise<Uint32Array> {
    return Promise.resolve(Uint32Array.from(usersOf(keys), user => this.entries.get(user)?.sum ?? 0))
  }

  writeCold(all: readonly ColdChanges[]): Promise<void> {
    this.writes += 1
    const dies = this.death?.write === this.writes
    if (!dies || this.death?.kept === true) for (const changes of all) this.write(changes)
    return dies ? Promise.reject(new Died()) : Promise.resolve()
  }

  private write(changes: ColdChanges): void {
    const { epoch, gone, before } = changes
    const rows = rowsOf(decodeRows(form.state, changes.rows))
    usersOf(changes).forEach((user, i) => {
      expect(this.entries.get(user)?.sum ?? 0).toBe(before[i])
      this.put(user, bitAt(gone, i) === 1 ? null : Number(rows[i]?.['n']), epoch)
    })
  }
}

function usersOf({ keys }: ColdKeys): readonly string[] {
  const [column] = decodeKeys(form.key, keys, form.nullKeys)
  if (column === undefined) throw new RangeError('a user is a key')
  return rowsOf({ schema: form.key, rows: keys.ends.length, columns: [column] }).map(({ user }) => String(user))
}

function storedRows(epoch: number, rows: readonly (readonly [string, number | null])[]): StoredRows {
  const deleted = new Uint8Array(Math.ceil(rows.length / 8))
  rows.forEach(([, n], i) => n === null && setBit(deleted, i))
  const keys = batchFromRows(
    form.key,
    rows.map(([user]) => ({ user })),
  )
  const state = batchFromRows(
    form.state,
    rows.map(([user, n]) => ({ n: n === null ? null : BigInt(n), label: user })),
  )
  return { epoch, bytes: 0, keys, state, deleted }
}

/** A start: of each block what no entry outdates. */
async function begin(place: Place, blocks: readonly Block[], rowsAtOnce: number): Promise<void> {
  const room = { leavingAtOnce: rowsAtOnce, leavingBytes: Number.POSITIVE_INFINITY }
  const passing = new PassingRows(place, { operator: 'counts', form, room })
  // What is outdated is looked up as it was when the start began.
  const before = new Map(place.entries)
  for (const { epoch, rows } of blocks) {
    const newer = [...rows].filter(([user]) => (before.get(user)?.epoch ?? -1) < epoch)
    await passing.take(form, newer.length === 0 ? null : storedRows(epoch, newer))
  }
  await passing.write(blocks.at(-1)?.epoch ?? 0)
}

const users = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay']
const row = fc.record({ block: fc.nat(3), n: fc.option(fc.nat(99), { freq: 2 }) })
/** What changed in each epoch, in which of its blocks. */
const history = fc.array(fc.dictionary(fc.constantFrom(...users), row), { minLength: 1, maxLength: 6 })
const death = fc.record({ write: fc.integer({ min: 1, max: 4 }), kept: fc.boolean() })

const blocksOf = (epochs: readonly Readonly<Record<string, { readonly block: number; readonly n: number | null }>>[]) =>
  epochs.flatMap((changed, i): readonly Block[] =>
    [0, 1, 2, 3].map(block => {
      const own = Object.entries(changed).filter(([, each]) => each.block === block)
      return { epoch: i + 1, rows: new Map(own.map(([user, { n }]) => [user, n])) }
    }),
  )

/** At the end of an epoch. */
function stateAt(blocks: readonly Block[], epoch: number): ReadonlyMap<string, number | null> {
  const state = new Map<string, number | null>()
  for (const block of blocks) if (block.epoch <= epoch) for (const [user, n] of block.rows) state.set(user, n)
  return state
}

it('rows that pass memory at a start are beyond it as the newest block has them, whoever dies', async () => {
  const entries = fc.dictionary(fc.constantFrom(...users), fc.nat(6))
  await fc.assert(
    fc.asyncProperty(
      history,
      entries,
      fc.array(death, { maxLength: 3 }),
      fc.integer({ min: 1, max: 7 }),
      async (epochs, known, deaths, rowsAtOnce) => {
        const blocks = blocksOf(epochs)
        const place = new Place()
        for (const [user, epoch] of Object.entries(known))
          place.put(user, stateAt(blocks, epoch).get(user) ?? null, epoch)
        for (const each of [...deaths, null]) {
          place.death = each
          place.writes = 0
          await begin(place, blocks, rowsAtOnce).catch((error: unknown) => {
            if (!(error instanceof Died)) throw error
          })
        }
        const state = [...stateAt(blocks, epochs.length)].filter(([, n]) => n !== null)
        expect(new Map([...place.entries].map(([user, { n }]) => [user, n]))).toEqual(new Map(state))
      },
    ),
    { numRuns: 500, seed: 31 },
  )
})

it('rows of an epoch in many blocks pass once: the next start finds their entries as new', async () => {
  const place = new Place()
  const blocks = users.map((user, i): Block => ({ epoch: 7, rows: new Map([[user, i]]) }))
  await begin(place, blocks, 2)
  expect(place.writes).toBe(3)
  await begin(place, blocks, 2)
  expect(place.writes).toBe(3)
})
