/** What lies in staging and is shown between two runs: which of it may be gone or another one, and what is said of it. */
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { type Sink, type SinkStart, noEpochs } from '../../../src/connectors/index.js'
import { batchOf, numberedRows, numberedSchema, refusal } from '../../support/connectors.js'
import { Disk } from '../../support/disk.js'
import { sinkTo } from '../../support/files-sink.js'

const path = '/out/.staging/rows/part-00000.jsonl'

test.each([
  ['that grows', 1e9],
  ['that waits to be shown', 1],
])('a staged part %s is refused where one of its bytes is another one, and nothing is touched', async (_, bytes) => {
  const { disk, first, next, start } = await began(bytes)
  const written = disk.readText(path)
  await first.write(batchOf(numberedSchema, numberedRows(2, 3)))
  await first.abort()
  const changed = disk.readText(path).replace('0', '7')
  disk.open(path, 'create').append(Buffer.from(changed))
  const error = await refusal(() => next.open(start))
  expect([error.code, error.message]).toEqual([
    'ANB6020',
    `staged file "${path}" is not what was written: the checksum of its first ${written.length} bytes is another one`,
  ])
  expect(disk.readText(path)).toBe(changed)
})

const shown = '/out/rows/part-00000.jsonl'

interface Begun {
  readonly disk: Disk
  readonly first: Sink
  /** That of the run which goes on. */
  readonly next: Sink
  readonly start: SinkStart
}

/** A sink that has prepared one epoch of two rows. */
async function began(bytes: number): Promise<Begun> {
  const disk = new Disk()
  disk.makeDirectory('/out')
  const sink = (): Sink => sinkTo('/out', { files: disk, bytes })
  const first = sink()
  await first.open({ ...noEpochs, lineage: 'a1' })
  await first.write(batchOf(numberedSchema, numberedRows(0, 2)))
  const prepared = await first.prepare(1)
  return { disk, first, next: sink(), start: { lineage: 'a1', epoch: 1, prepared, marked: false } }
}

/** Its part is shown where it rolled or the run was stopped. */
async function ran(bytes: number): Promise<Omit<Begun, 'first'>> {
  const { first, start, ...begun } = await began(bytes)
  await first.commit(1, start.prepared)
  await first.finish('unfinished')
  return { ...begun, start: { ...start, marked: true } }
}

test.each([
  ['grew until the run was stopped', 1e9],
  ['rolled', 1],
])('a part that %s and was shown may be taken away before the next run', async (_, bytes) => {
  const { disk, next, start } = await ran(bytes)
  disk.remove(shown)
  expect(await next.open(start)).toEqual({ applied: 1 })
  await next.write(batchOf(numberedSchema, numberedRows(2, 5)))
  await next.commit(2, await next.prepare(2))
  await next.finish()
  expect(disk.below('/out/rows')).toEqual(['/out/rows/part-00001.jsonl'])
})

test('S6 of a sink whose list of files is gone the list is named, not the files', async () => {
  const { disk, next, start } = await ran(1)
  disk.remove('/out/state/sinks/rows.json')
  const error = await refusal(() => next.open(start))
  expect([error.code, error.detail]).toEqual(['ANB6020', expect.stringContaining('/out/state/sinks/rows.json')])
  expect(disk.below('/out/rows')).toEqual([shown])
})

test('S4 a list of files with any bit flipped is refused, and nothing is touched', async () => {
  const path = '/out/state/sinks/rows.json'
  const { disk, start } = await ran(1)
  const written = disk.read(path)
  const put = (bytes: Uint8Array): void => disk.open(path, 'create').append(bytes)
  const meaning = JSON.parse(written.toString())
  for (let bit = 0; bit < written.length * 8; bit++) {
    const changed = Buffer.from(written)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (isSame(changed, meaning)) continue
    put(changed)
    const error = await refusal(() => sinkTo('/out', { files: disk, bytes: 1 }).open(start))
    expect([error.code, error.message]).toEqual(['ANB6001', `manifest "${path}" is not what was written`])
    expect([disk.read(path), disk.below('/out/rows')]).toEqual([changed, [shown]])
  }
})

/** White space between fields means nothing. */
function isSame(bytes: Buffer, meaning: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(bytes.toString()), meaning)
  } catch {
    return false
  }
}
