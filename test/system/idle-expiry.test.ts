/** State that expires of keys that nobody asks for any more goes from the disk while the job has nothing to do. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasRead, stop } from '../support/clicks-job.js'
import { jobFolder, leastBudget } from '../support/job-folder.js'

const transforms = `
import numpy as np
import anabranch as ab

state = {
    "n": ab.value_state(ab.int64.default(0), ttl=ab.ttl("8s")),
    "seen": ab.list_state(ab.int64, ttl=ab.ttl("8s")),
    "by": ab.map_state(ab.utf8, ab.int64, entries="all", ttl=ab.ttl("8s")),
}

@ab.keyed(inputs={"user": ab.utf8, "n": ab.int64}, state=state, outputs={"nth": ab.int64}, mode="key")
def count(rows, state):
    state.n.update(state.n.value() + len(rows))
    state.seen.add(1)
    state.by.put("x", 1)
    return {"nth": np.full(len(rows), 1)}
`
const job = `
import { files, job, json } from 'anabranch'
import code from './transforms.anabranch.ts'
export default job('expiring', { epoch: '50ms' })
  .from(files('in/*.jsonl', json({ user: 'utf8', n: 'int64' }), { tail: true }))
  .keyBy('user')
  .apply(code.count)
  .to(files.sink('rows/', json()))
`
const users = Array.from({ length: 3_000 }, (_, n) => `{"user":"u${n}","n":${n}}\n`)

test.each([
  ['in memory', 'off'],
  ['beyond memory', leastBudget],
])('state of an operator that gets no row any more is taken away, from the disk too: %s', async (_, budget) => {
  const folder = await jobFolder({ 'job.ts': job, 'transforms.py': transforms, 'in/1.jsonl': users.join('') })
  const run = folder.start(['--state-budget', budget])
  await hasRead(folder, users.length)
  /** What is stored: keys with a value, items of lists, entries of maps. */
  const stored = async (): Promise<ReadonlyMap<string, number>> => {
    const made = await folder.cli('savepoint', 'create', 'out', '--name', 'now', '--json')
    expect(made.code, made.stderr).toBe(0)
    const inspected = await folder.cli('savepoint', 'inspect', 'out/savepoints/now', '--json')
    await folder.cli('savepoint', 'delete', 'out/savepoints/now')
    const { operators } = JSON.parse(inspected.stdout) as {
      operators: readonly { readonly operator: string; readonly keys: number }[]
    }
    return new Map(operators.map(({ operator, keys }) => [operator, keys]))
  }
  // Written again and again meanwhile: it would expire before a slow machine has made its savepoint.
  let isKept = true
  const keeping = (async () => {
    for (let read = 2 * users.length; isKept; read += users.length) {
      appendFileSync(join(folder.path, 'in/1.jsonl'), users.join(''))
      await hasRead(folder, read)
    }
  })()
  const all = await stored().finally(() => (isKept = false))
  await keeping
  expect([all.get('count'), all.get('count/by')]).toEqual([users.length, users.length])
  expect(all.get('count/seen')).toBeGreaterThanOrEqual(users.length)
  while ([...(await stored()).values()].some(keys => keys > 0));
  await stop(folder, 'end')
  const { code, stderr } = await run.ended
  expect(code, stderr).toBe(0)
})
