/** A disk that fills up under a job, as a small memory file system that is made larger again. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { jobFolder } from '../support/job-folder.js'

const transforms = `
import anabranch as ab

Row = ab.schema({"id": ab.int64, "user": ab.utf8})

@ab.keyed(inputs={"id": ab.int64}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64})
def count(batch, state):
    return {"nth": state.numpy("n")[state.index] + state.rank + 1}, {"n": state.numpy("n") + state.counts}
`
const job = `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('disk', { epoch: '100ms' })
  .from(files('in.jsonl', json(t.Row))).keyBy('user').apply(t.count).to(files.sink('rows/', json(), { roll: { bytes: '1MiB' } }))
`
const rows = 800_000
const input = Array.from({ length: rows }, (_, id) => `{"id":${id},"user":"u${id % 1_000}"}\n`).join('')

const isRoot = process.getuid?.() === 0

test('S7 a disk that is nearly full stops the reading, and the job goes on where it was when there is room', async () => {
  if (!isRoot) {
    console.log('S7 on a real disk needs root to mount one: not tried')
    expect(process.env['CI']).not.toBe('true')
    return
  }
  const folder = await jobFolder({ 'transforms.py': transforms, 'job.ts': job, 'in.jsonl': input })
  const out = join(folder.path, 'out')
  mkdirSync(out)
  const mount = (...args: readonly string[]): void => void execFileSync('mount', [...args, out])
  mount('-t', 'tmpfs', '-o', 'size=80m', 'tmpfs')
  try {
    const run = folder.start([])
    await run.printed('nearly full, less than 64 MiB are free')
    const status = await folder.cli('status', 'out')
    expect(status.stdout).toContain('the disk of its state is nearly full: no more rows are read until there is room')
    mount('-o', 'remount,size=400m')
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain(`the disk of ${join(out, 'state', 'store')} has room again`)
    expect(ended.json).toMatchObject({ rows_in: rows, rows_out: rows })
    expect(new Set(folder.rows('rows').map(row => row['id'])).size).toBe(rows)
  } finally {
    execFileSync('umount', ['-l', out])
  }
})
