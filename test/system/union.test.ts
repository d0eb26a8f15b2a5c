/** Branches of one source that flow together again: no queue fills for ever, and the rows are the same however it runs. */
import { expect, test } from 'vitest'
import { jobFolder } from '../support/job-folder.js'

const count = 80_000
const pad = 'x'.repeat(80)
const keyOf = (id: number): string => `k${(id * 7919) % 97}`

/** Each row, and directly behind it once more where its id is odd; `nth` counts the rows of a key. */
function expected(): readonly unknown[] {
  const seen = new Map<string, number>()
  return Array.from({ length: count }, (_, id) => id).flatMap(id =>
    Array.from({ length: 1 + (id % 2) }, () => {
      const key = keyOf(id)
      const nth = (seen.get(key) ?? 0) + 1
      seen.set(key, nth)
      return { id, nth }
    }),
  )
}

test('a stream united with its own branch flows, in the order of its source, for every batch size and worker count', async () => {
  const lines = Array.from({ length: count }, (_, id) => JSON.stringify({ id, key: keyOf(id), pad }))
  const folder = await jobFolder({
    'input/rows.jsonl': `${lines.join('\n')}\n`,
    'transforms.py': `
import numpy as np
import anabranch as ab

Row = ab.schema({"id": ab.int64, "key": ab.utf8, "pad": ab.utf8})

@ab.filter(inputs={"id": ab.int64})
def odd(batch):
    return batch.numpy("id") % 2 == 1

@ab.keyed(inputs={"id": ab.int64}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64})
def count(batch, state):
    n = state.numpy("n")
    return {"nth": n[state.index] + state.rank + 1}, {"n": n + state.counts}
`,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const rows = job('fork').from(files('input/*.jsonl', json(t.Row)))
export default rows.union(rows.filter(t.odd)).keyBy('key').apply(t.count).select('id', 'nth').to(files.sink('rows/', json()))
`,
  })
  const ways = [
    ['--workers', '1', '--batch-rows', '500'],
    ['--workers', '2', '--lanes', '5'],
  ] as const
  const byId = (a: { id?: unknown; nth?: unknown }, b: typeof a): number =>
    Number(a.id) - Number(b.id) || Number(a.nth) - Number(b.nth)
  for (const way of ways) {
    const run = await folder.run(...way)
    expect(run.code, run.stderr).toBe(0)
    expect(run.json).toMatchObject({ rows_in: count, rows_out: count * 1.5, rows_dead: 0 })
    expect(folder.rows('rows').toSorted(byId)).toEqual(expected())
  }
})
