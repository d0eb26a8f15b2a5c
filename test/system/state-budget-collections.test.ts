/** Long lists and large maps of keys that have no room in memory: by the command line, what they would be without a limit. */
import { expect, test } from 'vitest'
import { jobFolder, leastBudget } from '../support/job-folder.js'

const transforms = `
import numpy as np
import anabranch as ab

Row = ab.schema({"n": ab.int64, "user": ab.utf8, "page": ab.utf8})

def at_end(keys, state):
    return {"user": keys["user"], "pages": np.bincount(state["nth"].keys, minlength=len(state))}

@ab.keyed(
    inputs={"page": ab.utf8, "n": ab.int64},
    state={"log": ab.list_state(ab.int64), "nth": ab.map_state(ab.utf8, ab.int64, entries="page")},
    outputs={"nth": ab.int64},
    side={"totals": {"user": ab.utf8, "pages": ab.int64}},
    at_end=at_end,
    mode="row",
)
def visit(row, state):
    nth = state.nth.get(row["page"], 0)
    if row["page"] == "out":
        state.nth.clear()
        state.log.clear()
        return {"nth": -1}
    state.log.add(row["n"])
    state.nth.put(row["page"], nth + 1)
    return {"nth": nth}
`

const job = `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const s = job('visits').from(files('in/*.jsonl', json(t.Row))).keyBy('user').apply(t.visit)
s.to(files.sink('rows/', json()))
export default s.side('totals').to(files.sink('totals/', json()))
`

/** Two users with 900 pages each; then others, so that they leave memory; then some of those pages again, and one who leaves. */
const visits = [
  ...Array.from({ length: 1_800 }, (_, i) => ({ user: `many ${i % 2}`, page: `/${i >> 1}` })),
  ...Array.from({ length: 1_500 }, (_, i) => ({ user: `user ${i % 500}`, page: '/' })),
  ...Array.from({ length: 40 }, (_, i) => ({ user: 'many 0', page: `/${i * 45}` })),
  ...Array.from({ length: 1_500 }, (_, i) => ({ user: `user ${i % 500}`, page: '/x' })),
  ...['out', '/7', '/8'].map(page => ({ user: 'many 1', page })),
].map((row, n) => ({ n, ...row }))

function expected(): { readonly rows: readonly unknown[]; readonly pages: ReadonlyMap<string, number> } {
  const state = new Map<string, Map<string, number>>()
  const rows = visits.map(({ n, user, page }) => {
    const pages = state.get(user) ?? new Map<string, number>()
    state.set(user, pages)
    const nth = page === 'out' ? -1 : (pages.get(page) ?? 0)
    if (page === 'out') pages.clear()
    else pages.set(page, nth + 1)
    return { n, nth }
  })
  return { rows, pages: new Map([...state].map(([user, pages]) => [user, pages.size])) }
}

test('S12 S1: long lists and large maps have no room in memory, and a job with them gives the same rows, killed in between', async () => {
  const input = visits.map(row => `${JSON.stringify(row)}\n`).join('')
  const folder = await jobFolder({ 'in/1.jsonl': input, 'job.ts': job, 'transforms.py': transforms })
  const budget = ['--state-budget', leastBudget, '--epoch', '50ms', '--batch-rows', '200']
  const died = await folder.start(budget, { env: { ANABRANCH_FAILPOINT: 'prepare.sync:after:4' } }).ended
  expect(died.signal, died.stderr).toBe('SIGKILL')
  const run = await folder.run(...budget)
  expect(run.code, run.stderr).toBe(0)
  const { rows, pages } = expected()
  const got = folder.rows('rows').map(({ n, nth }) => ({ n: Number(n), nth: Number(nth) }))
  expect(got.toSorted((a, b) => a.n - b.n)).toEqual(rows)
  const totals = folder.rows('totals').map(({ user, pages: count }) => [String(user), Number(count)] as const)
  expect(new Map(totals)).toEqual(pages)
  const logged = await folder.cli('state', 'export', 'out', '--operator', 'visit/log')
  expect(logged.stdout.trimEnd().split('\n')).toHaveLength(visits.length - 901)
})
