/** What lies in staging between two runs: a byte of it that is another one is never shown. */
import { expect, test } from 'vitest'
import { type Sink, noEpochs } from '../../../src/connectors/index.js'
import { batchOf, numberedRows, numberedSchema, refusal } from '../../support/connectors.js'
import { Disk } from '../../support/disk.js'
import { sinkTo } from '../../support/files-sink.js'

const path = '/out/.staging/rows/part-00000.jsonl'

test.each([
  ['that grows', 1e9],
  ['that waits to be shown', 1],
])('a staged part %s is refused where one of its bytes is another one, and nothing is touched', async (_, bytes) => {
  const disk = new Disk()
  disk.makeDirectory('/out')
  const sink = (): Sink => sinkTo('/out', { files: disk, bytes })
  const first = sink()
  await first.open({ ...noEpochs, lineage: 'a1' })
  await first.write(batchOf(numberedSchema, numberedRows(0, 2)))
  const prepared = await first.prepare(1)
  const written = disk.readText(path)
  await first.write(batchOf(numberedSchema, numberedRows(2, 3)))
  await first.abort()
  const changed = disk.readText(path).replace('0', '7')
  disk.open(path, 'create').append(Buffer.from(changed))
  const error = await refusal(() => sink().open({ ...noEpochs, lineage: 'a1', epoch: 1, prepared }))
  expect([error.code, error.message]).toEqual([
    'ANB6020',
    `staged file "${path}" is not what was written: the checksum of its first ${written.length} bytes is another one`,
  ])
  expect(disk.readText(path)).toBe(changed)
})
