/** A start with state that lost a key, whoever lost it: refused, with the savepoint to go on from, and nothing is put out. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decodeRecord, encodeRecord } from '../../src/checkpoint/index.js'
import { StateStore, openStateFolder } from '../../src/state/stores/index.js'
import { expected, folderOf, lines, runUntil, sorted, stop } from '../support/clicks-job.js'
import { KeyedRows } from '../unit/state/rows-of-state.js'

/** An epoch as a mistake of ours could write it: a key is gone, and nobody said so. */
async function losing(path: string, user: string): Promise<void> {
  const { lineage } = JSON.parse(readFileSync(join(path, 'state.json'), 'utf8'))
  const place = await openStateFolder({ path, job: 'clicks', lineage })
  const store = await StateStore.open({ place, pause: () => Promise.resolve() })
  const { last, operators } = store
  const [count] = operators
  if (last === null || count === undefined) return expect.fail('the job wrote an epoch with state')
  const rows = new KeyedRows(count.operator, count.form)
  await store.restore(count.operator, block => rows.restore(block))
  rows.set([{ key: { user }, state: null }])
  const epoch = last.epoch + 1
  await store.prepare(epoch, encodeRecord({ ...decodeRecord(last.bytes), epoch }), rows.take(epoch), [])
  await store.close()
}

const shown = (path: string): readonly string[] =>
  readdirSync(join(path, 'out/counts')).map(name => `${name} ${readFileSync(join(path, 'out/counts', name), 'utf8')}`)

/** Which generation counts. */
const identityOf = (path: string): string => readFileSync(join(path, 'out/state/store/state.json'), 'utf8')

test('S5 a job whose state lost a key is not gone on with: the error names it and the newest whole savepoint', async () => {
  const folder = await folderOf(lines(0, 700))
  await runUntil(folder, 700, () => stop(folder, 'half'))
  await losing(join(folder.path, 'out/state/store'), 'cid')
  const before = [...shown(folder.path), identityOf(folder.path)]

  const refused = await folder.run()
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toMatch(/ANB6019 operator "count" has 0 keys in key group \d+, 1 were written to /)
  expect(refused.stderr).toContain('1 of 128 key groups differ. No row was worked on, and nothing was put out.')
  expect(refused.stderr).toMatch(
    /hint: {3}start from the newest savepoint that is whole, of epoch \d+ .*savepoints\/half/,
  )
  expect([...shown(folder.path), identityOf(folder.path)]).toEqual(before)
  const inspected = await folder.cli('state', 'inspect', 'out')
  expect(inspected.stderr).toContain('ANB6019')

  // The sink keeps its rows and has none behind the savepoint, so there is nothing that would be written twice.
  await runUntil(folder, 700, () => stop(folder, 'again'), '--from', 'out/savepoints/half')
  expect(sorted(folder.rows('counts'))).toEqual(expected(700))
})
