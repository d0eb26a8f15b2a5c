/** Markers of a files sink that are not what was written: said in words, and nothing is touched. */
import { describe, expect, test } from 'vitest'
import { type SinkStart, noEpochs } from '../../../src/connectors/index.js'
import { batchOf, numberedRows, numberedSchema, refusal } from '../../support/connectors.js'
import { Disk } from '../../support/disk.js'
import { sinkTo } from '../../support/files-sink.js'

const path = '/out/state/sinks/rows.epochs'
const sinkOn = (disk: Disk) => sinkTo('/out', { files: disk, bytes: 1 })

/** Two epochs that are committed, and where the next run goes on. */
async function written(): Promise<{ readonly disk: Disk; readonly start: SinkStart }> {
  const disk = new Disk()
  const sink = sinkOn(disk)
  await sink.open({ ...noEpochs, lineage: 'a1' })
  for (const epoch of [1, 2]) {
    await sink.write(batchOf(numberedSchema, numberedRows(epoch, epoch + 2)))
    await sink.commit(epoch, await sink.prepare(epoch))
  }
  await sink.write(batchOf(numberedSchema, numberedRows(5, 6)))
  const prepared = await sink.prepare(3)
  await sink.commit(3, prepared)
  await sink.abort()
  return { disk, start: { lineage: 'a1', epoch: 3, prepared, marked: true } }
}

function put(disk: Disk, bytes: Uint8Array): void {
  disk.remove(path)
  disk.open(path, 'create').append(bytes)
}

describe('a marker of files', () => {
  test('S4 with any bit flipped is refused, and nothing is touched', async () => {
    const { disk, start } = await written()
    const whole = Buffer.from(disk.readText(path), 'latin1')
    expect(whole.toString()).toMatch(/^(a1 \d [0-9a-f]{8}\n){4}$/)
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      put(disk, flipped)
      const before = disk.steps
      const error = await refusal(() => sinkOn(disk).open(start))
      expect([bit, error.class, error.code, disk.steps]).toEqual([bit, 'StateError', 'ANB6021', before])
    }
  })

  test.each([
    ['of a version without check sums', 'a1 1\n', 'ANB6014'],
    ['of such a version, torn', 'a1 1\na1', 'ANB6014'],
    ['of which nothing was written', 'a1 1 ', 'ANB6021'],
  ])('%s is said to be so', async (_, text, code) => {
    const { disk, start } = await written()
    put(disk, Buffer.from(text))
    expect((await refusal(() => sinkOn(disk).open(start))).code).toBe(code)
  })

  /** What is there, but for the last line, of which a crash left this. */
  async function torn(left: string): Promise<{ readonly disk: Disk; readonly start: SinkStart }> {
    const { disk, start } = await written()
    const lines = disk.readText(path).split('\n').slice(0, -2).join('\n')
    put(disk, Buffer.from(`${lines}\n${left}`))
    return { disk, start }
  }

  test.each([0, 1, 3, 9, 12])('of which a crash left %d bytes is that of the epoch before', async bytes => {
    const { disk, start } = await torn('a1 3 00000000'.slice(0, bytes))
    expect(await sinkOn(disk).open(start)).toEqual({ applied: 2 })
  })

  test.each(['', 'a1', 'a1 3 00'])(
    'of which a crash left "%s" and room for more is that of the epoch before',
    async left => {
      const { disk, start } = await torn(left.padEnd(14, '\0'))
      expect(await sinkOn(disk).open(start)).toEqual({ applied: 2 })
    },
  )
})
