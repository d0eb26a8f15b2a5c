/** Dead letters and captures of a job with epochs: wherever the machine dies, each one is there once. */
import { describe, expect, test } from 'vitest'
import { silent } from '../../../src/base/index.js'
import { writeAtomically } from '../../../src/connectors/atomic.js'
import { type DeadLetter, type DeadLetters, deadLetters, noEpochs } from '../../../src/connectors/index.js'
import { refusal } from '../../support/connectors.js'
import { Disk, diedIn } from '../../support/disk.js'
import { openAt } from '../../support/epochs.js'

const store = '/store.json'
const lettersOn = (disk: Disk): DeadLetters => deadLetters({ out: '/out', files: disk, observer: silent })

const letter = (operator: string, position: number, capture: string | null): DeadLetter => ({
  operator,
  transform: operator,
  source: 'in.jsonl',
  position,
  row: { text: `row ${position}` },
  error: { class: 'TransformError', code: 'ANB2001', type: 'ValueError', message: 'bad', traceback: null },
  capture,
  codeDigest: 'abc',
  attempt: 1,
})

/** One epoch after the other: two letters of `score`, with a capture each, and in the second epoch one of `parse`. */
async function run(disk: Disk): Promise<void> {
  const letters = lettersOn(disk)
  let { prepared } = await openAt(letters, { files: disk, store, epochs: [] })
  for (let epoch = prepared.length + 1; epoch <= 3; epoch += 1) {
    for (const n of [0, 1]) {
      const at = epoch * 10 + n
      letters.write([
        letter(
          'score',
          at,
          letters.capture('score', () => Buffer.from(`call ${at}`)),
        ),
      ])
    }
    if (epoch === 2) letters.write([letter('parse', 99, null)])
    prepared = [...prepared, await letters.prepare(epoch)]
    writeAtomically(disk, store, JSON.stringify({ prepared, finished: epoch }))
    await letters.commit(epoch, null)
  }
  letters.close()
}

interface Line {
  readonly position: number
  readonly capture: string | null
}
const linesOf = (disk: Disk, operator: string): readonly Line[] =>
  disk
    .readText(`/out/dead-letters/${operator}.jsonl`)
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Line)

describe.each(['kept', 'lost'] as const)('a machine that dies at any step, what was not synced is %s', power => {
  test('leaves each letter once, with the capture of its call', async () => {
    for (let at = 1; ; at += 1) {
      const disk = new Disk()
      disk.makeDirectory('/out')
      disk.syncDirectory('/')
      disk.start(at, 'kept')
      const died = await diedIn(() => run(disk))
      disk.start(1e9, power)
      if (died) await run(disk)
      expect(linesOf(disk, 'score').map(line => line.position)).toEqual([10, 11, 20, 21, 30, 31])
      expect(linesOf(disk, 'parse').map(line => line.position)).toEqual([99])
      const calls = linesOf(disk, 'score').map(line => disk.readText(`/out/${line.capture}`))
      expect(calls).toEqual([10, 11, 20, 21, 30, 31].map(n => `call ${n}`))
      expect(disk.below('/out/dead-letters/captures')).toHaveLength(6)
      if (!died) break
    }
  })
})

describe('a run that goes on', () => {
  const opened = async (): Promise<{ disk: Disk; prepared: Awaited<ReturnType<DeadLetters['prepare']>> }> => {
    const disk = new Disk()
    const letters = lettersOn(disk)
    await letters.open({ ...noEpochs, lineage: 'a1' })
    letters.write([letter('score', 1, null)])
    const prepared = await letters.prepare(1)
    letters.write([letter('score', 2, null), letter('late', 3, null)])
    letters.close()
    return { disk, prepared }
  }

  test('counts the letters that stay', async () => {
    const { disk, prepared } = await opened()
    const letters = lettersOn(disk)
    await letters.open({ lineage: 'a1', epoch: 1, prepared, marked: false })
    expect([...letters.counts]).toEqual([['score', 1]])
    expect(disk.below('/out/dead-letters')).toEqual(['/out/dead-letters/score.jsonl'])
  })

  test('leaves it at that where somebody threw the letters away meanwhile', async () => {
    const { disk, prepared } = await opened()
    disk.remove('/out/dead-letters/score.jsonl')
    const letters = lettersOn(disk)
    await letters.open({ lineage: 'a1', epoch: 1, prepared, marked: false })
    letters.write([letter('score', 4, null)])
    expect(linesOf(disk, 'score').map(line => line.position)).toEqual([4])
  })

  /** What is there of a letter and its capture each. */
  const writtenOn = async (disk: Disk, ...positions: readonly number[]): Promise<DeadLetters> => {
    const letters = lettersOn(disk)
    await letters.open({ ...noEpochs, lineage: 'a1' })
    for (const at of positions) write(letters, at)
    return letters
  }
  const write = (letters: DeadLetters, at: number): void => {
    const capture = letters.capture('score', () => Buffer.from(`call ${at}`))
    letters.write([letter('score', at, capture)])
  }
  const calls = (disk: Disk): readonly string[] =>
    linesOf(disk, 'score').map(line => disk.readText(`/out/${line.capture}`))

  test('cuts off what came behind a savepoint, also where runs went back and forth', async () => {
    const disk = new Disk()
    const first = await writtenOn(disk, 1)
    const prepared = await first.prepare(1)
    write(first, 22)
    first.close()
    for (const lineage of ['b2', 'c3']) {
      const next = lettersOn(disk)
      await next.open({ lineage, epoch: 1, prepared, marked: false })
      write(next, 333)
      next.close()
    }
    expect(calls(disk)).toEqual(['call 1', 'call 333'])
  })

  test.each([
    ['where a run that the savepoint is no part of wrote them', [4444, 55555]],
    ['where they were thrown away and others came', [22, 333, 4444]],
  ])('tears no letter and loses none %s', async (_, positions) => {
    const prepared = await (await writtenOn(new Disk(), 1, 2)).prepare(1)
    const disk = new Disk()
    const other = await writtenOn(disk, ...positions)
    other.close()
    const letters = lettersOn(disk)
    await letters.open({ lineage: 'b2', epoch: 1, prepared, marked: false })
    write(letters, 6)
    const again = await letters.prepare(2)
    write(letters, 7)
    letters.close()
    const all = [...positions, 6].map(n => `call ${n}`)
    expect(calls(disk)).toEqual([...all, 'call 7'])
    const next = lettersOn(disk)
    await next.open({ lineage: 'b2', epoch: 2, prepared: again, marked: false })
    next.close()
    expect(calls(disk)).toEqual(all)
    expect(disk.below('/out/dead-letters/captures')).toHaveLength(all.length)
  })

  test('is refused where what was prepared is not of dead letters', async () => {
    const { disk } = await opened()
    const start = { lineage: 'a1', epoch: 1, prepared: { rows: 3 }, marked: false }
    expect((await refusal(() => lettersOn(disk).open(start))).code).toBe('ANB6001')
  })
})
