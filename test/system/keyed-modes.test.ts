/** Keyed code over columns, once a key and once a row: the same rows, side outputs and dead letters from the real engine. */
import { expect, test } from 'vitest'
import { jobFolder } from '../support/job-folder.js'

const transforms = `
import numpy as np
import anabranch as ab

Row = ab.schema({"user": ab.utf8, "day": ab.int64, "x": ab.int64})
declared = {
    "inputs": {"x": ab.int64},
    "state": {"n": ab.int64.default(0)},
    "outputs": {"nth": ab.int64},
    "side": {"odd": {"v": ab.int64}},
    "kind": "flat_map",
}

def copies(x, before):
    times = x % 3
    parent = np.repeat(np.arange(len(x), dtype=np.int32), times)
    odd = np.flatnonzero(times == 1).astype(np.int32)
    ab.reject(x % 50 == 49, "unlucky")
    return ab.result({"nth": before[parent]}, parent, odd=({"v": x[odd]}, odd))

@ab.keyed(**declared)
def columnar(batch, state):
    n = state.numpy("n")
    return copies(batch.numpy("x"), n[state.index] + state.rank), {"n": n + state.counts}

@ab.keyed(**declared, mode="key")
def of_key(batch, state):
    before = state["n"] + np.arange(len(batch))
    state.n.update(state["n"] + len(batch))
    return copies(batch.numpy("x"), before)

@ab.keyed(**declared, mode="row", handles=True)
def of_row(row, state):
    ab.reject(row["x"] % 50 == 49, "unlucky")
    before, state["n"] = state["n"], state["n"] + 1
    times = row["x"] % 3
    return ab.result([{"nth": before}] * times, odd={"v": row["x"]} if times == 1 else None)

@ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={}, mode="key")
def picky(batch, state):
    if 7 in batch["x"].to_pylist():
        raise ValueError("seven")
    return {}
`

const job = (name: string): string => `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const s = job('modes').from(files('input/*.jsonl', json(t.Row))).keyBy('user', 'day').apply(t.${name})
s.to(files.sink('rows/', json()))
export default s.side('odd').to(files.sink('odd/', json()))
`

const count = 5_000
const rows = Array.from({ length: count }, (_, i) => ({ user: `u${(i * 7) % 41}`, day: i % 3, x: (i * 31) % 1_000 }))
const input = `${rows.map(row => JSON.stringify(row)).join('\n')}\n`

test('keyed code over columns, once a key and once a row gives the same rows, side outputs and dead letters', async () => {
  const seen: unknown[] = []
  for (const name of ['columnar', 'ofKey', 'ofRow']) {
    const folder = await jobFolder({
      'input/rows.jsonl': input,
      'transforms.py': transforms,
      'job.ts': job(name),
    })
    const run = await folder.run('--workers', '2', '--lanes', '3', '--batch-rows', '700')
    expect(run.code, run.stderr).toBe(0)
    const text = (row: unknown): string => JSON.stringify(row)
    const letters = folder.deadLetters().map(({ row, error }) => text([row, error]))
    seen.push([folder.rows('rows').map(text).sort(), folder.rows('odd').map(text).sort(), letters.sort()])
  }
  const [columnar, ofKey, ofRow] = seen
  expect(columnar).toHaveLength(3)
  expect(ofKey).toEqual(columnar)
  expect(ofRow).toEqual(columnar)
})

test('a key whose call raises is named in the dead letter, and the others go on', async () => {
  const folder = await jobFolder({
    'input/rows.jsonl': `${[1, 7, 2].map(x => JSON.stringify({ user: 'a', day: 3, x })).join('\n')}\n`,
    'transforms.py': transforms,
    'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const rows = job('picky').from(files('input/*.jsonl', json(t.Row)))
export default rows.keyBy('user', 'day').apply(t.picky).to(files.sink('rows/', json()))
`,
  })
  const run = await folder.run()
  expect(run.code, run.stderr).toBe(0)
  expect(folder.rows('rows').map(row => row['x'])).toEqual([1, 2])
  const [letter] = folder.deadLetters()
  expect(letter).toMatchObject({ error: { message: "seven (key user='a', day=3)" } })
})
