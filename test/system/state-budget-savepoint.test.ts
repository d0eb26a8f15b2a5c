/** A start at a savepoint of state that is larger than the memory it may take, and the next savepoint, by the command line. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasRead, stop } from '../support/clicks-job.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const timeout = 240_000
const keys = 150_000
const labelBytes = 1_000
const again = 1_000
const job = `
import { csv, files, job, json } from 'anabranch'
import code from './transforms.anabranch.ts'
export default job('counts', { epoch: '1s' })
  .from(files('in/*.csv', csv({ n: 'int64', k: 'utf8' }), { tail: true }))
  .keyBy('k')
  .apply(code.count)
  .to(files.sink('rows/', json()))
`
const python = `
import anabranch as ab

@ab.keyed(inputs={"n": ab.int64}, state={"seen": ab.int64.default(0), "label": ab.utf8}, outputs={"nth": ab.int64})
def count(batch, state):
    seen = state.numpy("seen")
    labels = ["x" * ${labelBytes}] * len(seen)
    return {"nth": seen[state.index] + state.rank + 1}, {"seen": seen + state.counts, "label": labels}
`
const line = (n: number): string => `${n},key ${n % keys}\n`
const input = `n,k\n${Array.from({ length: keys }, (_, n) => line(n)).join('')}`
const newFolder = (): Promise<JobFolder> => jobFolder({ 'in/1.csv': input, 'job.ts': job, 'transforms.py': python })

/** The savepoint of a job that met each key once. */
async function newlySaved(): Promise<string> {
  const folder = await newFolder()
  const run = folder.start(['--state-budget', 'off'])
  await hasRead(folder, keys)
  await stop(folder, 'half')
  const { code, stderr } = await run.ended
  expect(code, stderr).toBe(0)
  return join(folder.path, 'out/savepoints/half')
}
let shared: Promise<string> | null = null
const saved = (): Promise<string> => (shared ??= newlySaved())

interface Begun {
  /** Most bytes of memory that cannot be taken from the host. */
  readonly peakBytes: number
}

/** Begins at the savepoint, and meets some keys a second time. */
async function begin(folder: JobFolder, ...args: readonly string[]): Promise<Begun> {
  const run = folder.start(['--from', await saved(), ...args])
  let peakBytes = 0
  const looking = setInterval(() => {
    peakBytes = Math.max(peakBytes, anonymousBytes(run.pid))
  }, 20)
  try {
    const early = run.ended.then(({ stderr }) => Promise.reject(new Error(`the run ended too early: ${stderr}`)))
    await Promise.race([hasRead(folder, keys + again), early])
    early.catch(() => undefined)
    await stop(folder, 'end')
    const { code, stderr } = await run.ended
    expect(code, stderr).toBe(0)
  } finally {
    clearInterval(looking)
  }
  expect(new Set(folder.rows('rows').map(({ nth }) => nth))).toEqual(new Set([2]))
  expect(folder.rows('rows')).toHaveLength(again)
  return { peakBytes }
}

function anonymousBytes(pid: number): number {
  const path = `/proc/${pid}/status`
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return 1_024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0)
}

const storesOf = (folder: JobFolder): readonly string[] =>
  readdirSync(join(folder.path, 'out/state')).filter(name => ['store', 'making', 'next'].includes(name))

async function withMore(): Promise<JobFolder> {
  const folder = await newFolder()
  appendFileSync(join(folder.path, 'in/1.csv'), Array.from({ length: again }, (_, n) => line(keys + n)).join(''))
  return folder
}

test('U5: a start at a savepoint and the next savepoint take no more memory for all state than the budget has room for', {
  timeout,
}, async () => {
  const all = await begin(await withMore(), '--state-budget', 'off')
  const some = await begin(await withMore(), '--state-budget', '16MiB')
  expect(all.peakBytes - some.peakBytes).toBeGreaterThan(0.5 * keys * labelBytes)
})

test('U7: a start at a savepoint with a state budget that is killed at any step of its first epoch begins again', {
  timeout,
}, async () => {
  const folder = await withMore()
  for (const point of ['prepare.write:before:1', 'prepare.sync:before:1', 'prepare.sync:after:1']) {
    const env = { ANABRANCH_FAILPOINT: point }
    const run = await folder.start(['--from', await saved(), '--state-budget', '16MiB'], { env }).ended
    expect(run.signal, run.stderr).toBe('SIGKILL')
    expect(storesOf(folder)).toEqual(['making'])
  }
  await begin(folder, '--state-budget', '16MiB')
  expect(storesOf(folder)).toEqual(['store'])
})

test('S7: a start at a savepoint whose state has no room on the disk is refused in words, and takes its place when there is', {
  timeout,
}, async () => {
  if (process.getuid?.() !== 0) {
    console.log('S7 on a real disk needs root to mount one: not tried')
    expect(process.env['CI']).not.toBe('true')
    return
  }
  const folder = await withMore()
  const out = join(folder.path, 'out')
  mkdirSync(out)
  const mount = (...args: readonly string[]): void => void execFileSync('mount', [...args, out])
  mount('-t', 'tmpfs', '-o', 'size=60m', 'tmpfs')
  try {
    const refused = await folder.run('--from', await saved(), '--state-budget', '16MiB')
    expect(refused.code, refused.stderr).toBe(1)
    expect(refused.stderr).toContain('ANB6011 state beyond memory could not be written to')
    expect(readdirSync(out)).not.toContain('state')
    mount('-o', 'remount,size=1g')
    await begin(folder, '--state-budget', '16MiB')
  } finally {
    execFileSync('umount', ['-l', out])
  }
})
