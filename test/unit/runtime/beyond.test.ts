/** What is on its way counts within a budget for state: rows that wait to be read for, and epochs that are not on the disk. */
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromRows } from '../../../src/batch/index.js'
import { Beyond } from '../../../src/runtime/flow/beyond.js'
import { type Rows, rowBytes } from '../../../src/runtime/flow/rows.js'
import { type ColdPart } from '../../../src/state/cold-part.js'
import { ColdSide, Expiry, KeyIndex, KeyWalk, OperatorState, StateTable } from '../../../src/state/index.js'
import { countsByUser as form } from '../state/rows-of-state.js'

const shareBytes = 8 << 20
/** That may be on their way. */
const wayBytes = shareBytes / 4

/** A stage with one operator, of which something lies beyond memory. */
class Driven {
  readonly asked: number[] = []
  /** That were asked for. */
  pages = 0
  readonly beyond: Beyond
  private readonly index = new KeyIndex({ ...form, dense: true })
  private readonly table = new StateTable(form.state)
  private readonly state: OperatorState
  private users = 0

  /** @param expires its values may */
  constructor(expires = false) {
    const { index, table, asked } = this
    const clock = { wallMs: 0 }
    const ttl = { ms: 1_000, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
    const values = { fields: form.state.fields.map(field => ({ ...field, keep: { as: 'value', ttl } as const })) }
    const cold = new ColdSide(index, shareBytes, 1)
    this.state = new OperatorState({ operator: 'counts', form, index, table, watch: cold.watch(0) })
    cold.use([{ form, table, state: this.state, expiry: expires ? Expiry.of(table, values, clock) : null }], clock)
    cold.begin(() => 1_000_000)
    this.beyond = new Beyond(0, cold, {
      loadState: (_stage, load) => void asked.push(load),
      readState: () => void this.pages++,
      leaveState: () => undefined,
    })
  }

  private newUsers(count: number, textBytes: number): Batch {
    const users = Array.from({ length: count }, () => ({ user: `${this.users++}`.padStart(textBytes, '0') }))
    return batchFromRows(form.key, users)
  }

  /** Rows of keys that nobody has seen. Answers their bytes. */
  arrive(count: number, textBytes: number): number {
    const batch = this.newUsers(count, textBytes)
    const rows: Rows = { batch, origin: { kind: 'run', split: 0, first: 0 } }
    this.beyond.routed({ rows, slots: this.index.resolve(batch), lanes: [] })
    return rowBytes(rows)
  }

  /** Keys get state. */
  change(count: number): void {
    const slots = this.index.resolve(this.newUsers(count, 8))
    const state = batchFromRows(
      form.state,
      Array.from({ length: count }, (_, i) => ({ n: BigInt(i), label: 'a label' })),
    )
    this.table.apply(slots, state, null)
  }

  /** Answers the bytes of the blocks. */
  cut(epoch: number): number {
    const bytes = this.state.take(epoch).reduce((sum, block) => sum + block.bytes.length, 0)
    this.beyond.cut(epoch, [], bytes)
    return bytes
  }
}

describe('rows that wait for their state', () => {
  test.each([16, 1_000, 100_000])('of %i bytes are no more than have room, however they come', textBytes => {
    const stage = new Driven()
    let bytes = 0
    while (!stage.beyond.isClosed(false)) bytes += stage.arrive(stage.beyond.rowsAtOnce(textBytes), textBytes)
    // A few at once come in any case.
    expect(bytes).toBeLessThan(Math.max(wayBytes, 2 * 256 * textBytes))
    expect(stage.beyond.isClosed(true)).toBe(true)
    for (const load of stage.asked) stage.beyond.loaded(load, { values: [], items: [] })
    expect(stage.beyond.isClosed(true)).toBe(false)
  })
})

describe('state that changed', () => {
  test('is cut before its blocks are more than have room, and no row comes in while they are', () => {
    const stage = new Driven()
    let changed = 0
    for (; !stage.beyond.wantsEpoch; changed += 100) stage.change(100)
    expect(changed).toBeGreaterThan(1_000)
    expect(stage.beyond.isClosed(false)).toBe(false)
    expect(stage.cut(1)).toBeLessThan(wayBytes / 2)
    expect(stage.beyond.wantsEpoch).toBe(false)

    // None of them is written.
    let last = 1
    let bytes = 0
    while (!stage.beyond.isClosed(false)) {
      stage.change(1_000)
      last += 1
      bytes += stage.cut(last)
    }
    expect(last).toBeGreaterThan(2)
    expect(bytes).toBeLessThan(wayBytes)
    // What belongs to an epoch that is cut goes through.
    expect(stage.beyond.isClosed(true)).toBe(false)
    stage.beyond.written(last)
    expect(stage.beyond.isClosed(false)).toBe(false)
  })
})

test('what is looked at beyond memory since it may have expired holds up no end', () => {
  const stage = new Driven(true)
  stage.beyond.tick(0, true)
  expect(stage.pages).toBe(1)
  stage.beyond.end()
  expect(stage.beyond.isWaiting).toBe(false)
})

test('a key of which more is read stays until it is there', () => {
  const index = new KeyIndex({ ...form, dense: true })
  const cold = new ColdSide(index, 1, 2)
  const parts = [0, 1].map((_, part): ColdPart => {
    const table = new StateTable(form.state)
    const state = new OperatorState({ operator: `counts ${part}`, form, index, table, watch: cold.watch(part) })
    return { form, table, state, expiry: null }
  })
  cold.use(parts, { wallMs: 0 })
  cold.begin(() => 2)
  const [asked, pages, leaving]: [number[], number[], number[]] = [[], [], []]
  const beyond = new Beyond(0, cold, {
    loadState: (_stage, load) => void asked.push(load),
    readState: (_stage, page) => void pages.push(page),
    leaveState: (_stage, changes) => void leaving.push(changes[0]?.groups.length ?? 0),
  })
  const keys = batchFromRows(form.key, [{ user: 'ann' }, { user: 'bob' }])
  const state = batchFromRows(
    form.state,
    [1n, 2n].map(n => ({ n, label: null })),
  )
  // A start brings both, and has looked at the entries of one operator.
  const rows = { epoch: 1, bytes: 0, keys, state, deleted: new Uint8Array(1), beyond: Uint32Array.of(7, 7) }
  parts[0]?.state.restoreRows(form, rows)
  const [ann = -1] = index.resolve(keys)
  let known = 0
  const walk = { place: () => ({ operator: 'counts 1', groups: { first: 0, last: 15 }, from: null, entriesMax: 9 }) }
  const looked = { looked: () => Int32Array.of(ann) }
  beyond.walk(Object.assign(Object.create(KeyWalk.prototype), walk, looked), 9, () => void known++)
  beyond.page(pages[0] ?? -1, {
    groups: new Uint16Array(0),
    keys: { bytes: new Uint8Array(0), ends: new Uint32Array(0) },
    found: [],
    next: null,
  })
  expect([asked.length, known]).toEqual([1, 0])

  const epoch = (number: number): void => {
    beyond.cut(number, [], 0)
    beyond.written(number)
  }
  epoch(2)
  expect([leaving, index.size]).toEqual([[1], 2])
  beyond.left([Uint32Array.of(8), new Uint32Array(0)])
  expect(index.size).toBe(1)
  beyond.loaded(asked[0] ?? -1, { values: [[], []], items: [] })
  expect(known).toBe(1)
  epoch(3)
  expect(leaving).toEqual([1, 1])
})
