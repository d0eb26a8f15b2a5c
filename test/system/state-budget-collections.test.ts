/** Long lists and large maps of keys that have no room in memory: by the command line, what they would be without a limit. */
import { expect, test } from 'vitest'
import { jobFolder, leastBudget } from '../support/job-folder.js'
import { pacedSource, worksOn } from '../support/paced-job.js'

const transforms = `
import numpy as np
import anabranch as ab

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
import { custom, files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const own = new URL('own.ts', import.meta.url).href
const visits = { schema: { n: 'int64', user: 'utf8', page: 'utf8' }, bounded: true, replayable: true }
const s = job('visits').from(custom.source(own, 'numbers', visits)).keyBy('user').apply(t.visit)
s.to(files.sink('rows/', json()))
export default s.side('totals').to(files.sink('totals/', json()))
`

/**
 * Two users with 900 pages each; then others, so that they leave memory; then some of those pages again, and one who leaves. Behind
 * them the others come for as long as the job runs.
 */
function visit(n: number): { readonly n: bigint; readonly user: string; readonly page: string } {
  const row = (user: string, page: string) => ({ n: BigInt(n), user, page })
  if (n < 1_800) return row(`many ${n % 2}`, `/${n >> 1}`)
  if (n >= 3_300 && n < 3_340) return row('many 0', `/${(n - 3_300) * 45}`)
  if (n >= 4_840 && n < 4_843) return row('many 1', ['out', '/7', '/8'][n - 4_840] ?? '')
  return row(`user ${n % 500}`, n < 3_300 ? '/' : '/x')
}
const story = 4_843

function expected(count: number): { readonly rows: readonly unknown[]; readonly pages: ReadonlyMap<string, number> } {
  const state = new Map<string, Map<string, number>>()
  const rows = Array.from({ length: count }, (_, n) => {
    const { user, page } = visit(n)
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
  const files = { 'job.ts': job, 'transforms.py': transforms, 'own.ts': pacedSource(100, `(${visit})(n)`) }
  const folder = await jobFolder(files)
  const budget = ['--state-budget', leastBudget, '--epoch', '50ms', '--batch-rows', '200']
  const died = await folder.start(budget, { env: { ANABRANCH_FAILPOINT: 'prepare.sync:after:4' } }).ended
  expect(died.signal, died.stderr).toBe('SIGKILL')
  const { rows: count } = await worksOn(folder, folder.start(budget), story)
  const { rows, pages } = expected(count)
  const got = folder.rows('rows').map(({ n, nth }) => ({ n: Number(n), nth: Number(nth) }))
  expect(got.toSorted((a, b) => a.n - b.n)).toEqual(rows)
  const totals = folder.rows('totals').map(({ user, pages: count }) => [String(user), Number(count)] as const)
  expect(new Map(totals)).toEqual(pages)
  const logged = await folder.cli('state', 'export', 'out', '--operator', 'visit/log')
  expect(logged.stdout.trimEnd().split('\n')).toHaveLength(count - 901)
})
