/** A disk that fills up under a job, as a small memory file system that is made larger again. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasRead } from '../support/clicks-job.js'
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
  .from(files('in.jsonl', json(t.Row), { tail: true })).keyBy('user').apply(t.count).to(files.sink('rows/', json(), { roll: { bytes: '1MiB' } }))
`
const rows = 800_000
const rowsOf = (first: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `{"id":${first + i},"user":"u${i % 1_000}"}\n`).join('')

const isRoot = process.getuid?.() === 0

/** A folder in memory of this size while it is used; null where this user may not mount one. */
async function onDisk(
  path: string,
  size: string,
  use: (remount: (size: string) => void) => Promise<void>,
): Promise<void> {
  if (!isRoot) {
    console.log('S7 on a real disk needs root to mount one: not tried')
    expect(process.env['CI']).not.toBe('true')
    return
  }
  mkdirSync(path, { recursive: true })
  const mount = (...args: readonly string[]): void => void execFileSync('mount', [...args, path])
  mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs')
  try {
    await use(larger => mount('-o', `remount,size=${larger}`))
  } finally {
    execFileSync('umount', ['-l', path])
  }
}

test('S7 a disk that is nearly full stops the reading, and the job goes on where it was when there is room', async () => {
  const folder = await jobFolder({ 'transforms.py': transforms, 'job.ts': job, 'in.jsonl': rowsOf(0, rows) })
  const out = join(folder.path, 'out')
  await onDisk(out, '80m', async remount => {
    const run = folder.start([])
    await run.printed('nearly full, less than 64 MiB are free')
    const status = await folder.cli('status', 'out')
    expect(status.stdout, status.stderr).toContain(
      'the disk of its state is nearly full: no more rows are read until there is room',
    )
    appendFileSync(join(folder.path, 'in.jsonl'), rowsOf(rows, 1_000))
    remount('400m')
    await run.printed(`the disk of ${join(out, 'state', 'store')} has room again`)
    await hasRead(folder, rows + 1_000)
    await folder.cli('stop', 'out', '--no-savepoint')
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    const ids = folder.rows('rows').map(row => row['id'])
    expect([ids.length, new Set(ids).size]).toEqual([rows + 1_000, rows + 1_000])
  })
})

test('S7 a start for whose state the disk has no room is tried again where a policy says so', async () => {
  const folder = await jobFolder({
    'transforms.py': transforms,
    'job.ts': job,
    'in.jsonl': rowsOf(0, 1_000),
  })
  const state = join(folder.path, 'out', 'state')
  await onDisk(state, '400m', async remount => {
    const filler = join(state, 'filler')
    remount('1m')
    writeFileSync(filler, new Uint8Array(1 << 20))
    const refused = await folder.run()
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/ANB6011.* the state in .*: the disk is full/s)
    const run = folder.start(['--restart', 'fixed-delay,attempts=1000,delay=100ms'])
    await run.printed('the disk is full; it begins again')
    remount('400m')
    rmSync(filler)
    await hasRead(folder, 1_000)
    await folder.cli('stop', 'out', '--no-savepoint')
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(folder.rows('rows')).toHaveLength(1_000)
  })
})
