/** What is on its way counts within a budget for state: rows that wait to be read for, and epochs that are not on the disk. */
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromRows } from '../../../src/batch/index.js'
import { Beyond } from '../../../src/runtime/flow/beyond.js'
import { type Rows, rowBytes } from '../../../src/runtime/flow/rows.js'
import { ColdSide, Expiry, KeyIndex, OperatorState, StateTable } from '../../../src/state/index.js'
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
