/** A service that is away for the rows of one key: the rows of the others go on, and `status` says who waits. */
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasRead, stop } from '../support/clicks-job.js'
import { jobFolder } from '../support/job-folder.js'

const transforms = `
import os
import anabranch as ab

@ab.keyed(inputs={"user": ab.utf8}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64})
def ask(batch, state):
    if "a" in batch.list("user") and os.path.exists("away"):
        raise ab.TransientError("the service of a is away")
    return {"nth": state.numpy("n")[state.index] + state.rank + 1}, {"n": state.numpy("n") + state.counts}
`
const job = `
import { files, job, json } from 'anabranch'
import code from './transforms.anabranch.ts'
export default job('asked', { epoch: '50ms' })
  .from(files('in/*.jsonl', json({ user: 'utf8', n: 'int64' }), { tail: true }))
  .keyBy('user')
  .apply(code.ask)
  .to(files.sink('rows/', json()), { id: 'rows' })
`
const rows = (user: string, from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `{"user":"${user}","n":${from + i}}\n`).join('')

test('rows of other lanes go on while one waits for a service, and all are shown when it is back', async () => {
  const folder = await jobFolder({
    'job.ts': job,
    'transforms.py': transforms,
    'in/1.jsonl': rows('a', 0, 3) + rows('b', 3, 5),
    away: '',
  })
  const run = folder.start(['--lanes', '16'])
  const status = async (): Promise<Readonly<Record<string, unknown>>> =>
    (await folder.cli('status', 'out', '--json')).json ?? {}
  for (let read = 5; read <= 305; read += 100) {
    await hasRead(folder, read)
    while ((await status())['rows_out'] !== read - 3);
    if (read < 305) appendFileSync(join(folder.path, 'in/1.jsonl'), rows('b', read, read + 100))
  }
  expect(await status()).toMatchObject({
    epochs: { delayed_by: 'operator "ask", which waits for a service' },
    stages: [{ held: { lanes: 1, for_ms: expect.any(Number), reason: 'the service of a is away' } }],
  })
  const { stdout } = await folder.cli('status', 'out')
  expect(stdout).toMatch(/ask: 1 lane waits for a service, for .* s: the service of a is away/)
  rmSync(join(folder.path, 'away'))
  while ((await status())['rows_out'] !== 305);
  await stop(folder, 'end')
  expect((await run.ended).code).toBe(0)
  expect(folder.rows('rows').map(row => row['n'])).toHaveLength(305)
})
