/** What becomes of an epoch, step by step: what is asked of the world is written down, and answered by hand. */
import { describe, expect, test } from 'vitest'
import { batchFromRows } from '../../../src/batch/index.js'
import { Epochs } from '../../../src/runtime/epoch/index.js'
import { EpochGate } from '../../../src/runtime/flow/gate.js'
import { SinkVertex } from '../../../src/runtime/flow/vertices.js'

class Story {
  readonly asked: string[] = []
  readonly cuts: number[] = []
  readonly epochs: Epochs<string>

  constructor(sinks: number, openMax = 4) {
    const terms = { intervalMs: 1_000, openMax, bytesMax: 1_000 }
    this.epochs = new Epochs(terms, sinks, {
      cutTaken: beganMs => this.cuts.push(beganMs),
      prepareSink: (sink, epoch) => this.asked.push(`sink ${sink} prepares ${epoch}`),
      writeEpoch: (epoch, cut, prepared) => this.asked.push(`write ${epoch} ${cut} ${JSON.stringify(prepared)}`),
      commitSink: (sink, epoch, prepared) => this.asked.push(`sink ${sink} commits ${epoch} ${String(prepared)}`),
      finishEpoch: epoch => this.asked.push(`finish ${epoch}`),
    })
  }

  /** What was asked since this was looked at before. */
  get news(): readonly string[] {
    return this.asked.splice(0)
  }
}

describe('an epoch', () => {
  test('says when its cut began, once all of it is taken', () => {
    const story = new Story(1)
    story.epochs.began(40)
    expect(story.cuts).toEqual([])
    story.epochs.cut('a')
    expect(story.cuts).toEqual([])
    story.epochs.taken()
    expect(story.cuts).toEqual([40])
  })

  test('is prepared by every sink, then written, then committed by every sink, then finished', () => {
    const story = new Story(2)
    const { epochs } = story
    expect(epochs.cut('a')).toBe(1)
    expect(story.news).toEqual(['sink 0 prepares 1', 'sink 1 prepares 1'])
    epochs.sinkPrepared(1, 1, 'y')
    expect(story.news).toEqual([])
    epochs.sinkPrepared(0, 1, 'x')
    expect(story.news).toEqual(['write 1 a ["x","y"]'])
    epochs.epochWritten(1)
    expect(story.news).toEqual(['sink 0 commits 1 x', 'sink 1 commits 1 y'])
    epochs.sinkCommitted(0, 1)
    expect(story.news).toEqual([])
    epochs.sinkCommitted(1, 1)
    expect(story.news).toEqual(['finish 1'])
    epochs.epochFinished(1)
    expect([epochs.openCount, epochs.epoch]).toEqual([0, 1])
  })

  test('is written after the one before it, however soon its sinks have prepared it', () => {
    const story = new Story(1)
    const { epochs } = story
    epochs.cut('a')
    epochs.cut('b')
    epochs.sinkPrepared(0, 2, 'later')
    expect(story.news).toEqual(['sink 0 prepares 1', 'sink 0 prepares 2'])
    epochs.sinkPrepared(0, 1, 'sooner')
    expect(story.news).toEqual(['write 1 a ["sooner"]'])
    epochs.epochWritten(1)
    expect(story.news).toEqual(['sink 0 commits 1 sooner', 'write 2 b ["later"]'])
  })

  test('is committed by each sink after the one before it, and a slow sink holds no other one back', () => {
    const story = new Story(2)
    const { epochs } = story
    for (const epoch of [1, 2]) {
      epochs.cut('a')
      for (const sink of [0, 1]) epochs.sinkPrepared(sink, epoch, epoch)
      epochs.epochWritten(epoch)
    }
    expect(story.news.filter(s => s.includes('commits'))).toEqual(['sink 0 commits 1 1', 'sink 1 commits 1 1'])
    epochs.sinkCommitted(1, 1)
    expect(story.news).toEqual(['sink 1 commits 2 2'])
    epochs.sinkCommitted(1, 2)
    epochs.sinkCommitted(0, 1)
    expect(story.news).toEqual(['sink 0 commits 2 2', 'finish 1'])
    epochs.sinkCommitted(0, 2)
    expect(story.news).toEqual([])
    epochs.epochFinished(1)
    expect(story.news).toEqual(['finish 2'])
  })

  test('is committed by no sink before it is written, however soon the one before it is committed', () => {
    const story = new Story(1)
    const { epochs } = story
    epochs.cut('a')
    epochs.cut('b')
    for (const epoch of [1, 2]) epochs.sinkPrepared(0, epoch, epoch)
    epochs.epochWritten(1)
    epochs.sinkCommitted(0, 1)
    expect(story.news.slice(2)).toEqual(['write 1 a [1]', 'sink 0 commits 1 1', 'write 2 b [2]', 'finish 1'])
    epochs.epochWritten(2)
    expect(story.news).toEqual(['sink 0 commits 2 2'])
  })

  test('is not cut while as many as may be are on their way', () => {
    const { epochs } = new Story(1, 2)
    epochs.cut('a')
    expect(epochs.full).toBe(false)
    epochs.cut('b')
    expect(epochs.full).toBe(true)
    expect(() => epochs.cut('c')).toThrow('a cut begins where there is room')
  })

  test('is wanted by a sink that has something to show, until it is cut', () => {
    const { epochs } = new Story(1)
    epochs.want()
    expect(epochs.isWanted).toBe(true)
    epochs.cut('a')
    expect(epochs.isWanted).toBe(false)
  })

  test('asks for no more rows while the disk is nearly full', () => {
    const { epochs } = new Story(1)
    expect(epochs.isSpaceLow).toBe(false)
    epochs.spaceLow(true)
    expect(epochs.isSpaceLow).toBe(true)
  })

  test('goes on with the number behind the one that a run goes on from', () => {
    const { epochs } = new Story(1)
    epochs.restore(41)
    expect(epochs.cut('a')).toBe(42)
  })

  test('is due its length after the cut before it began', () => {
    const { epochs } = new Story(1)
    epochs.began(5_000)
    expect(epochs.dueMs).toBe(6_000)
  })

  test('is due at once and wanted where somebody hastens it, and the one behind it in its time', () => {
    const { epochs } = new Story(1)
    epochs.began(5_000)
    epochs.hasten()
    expect([epochs.isWanted, epochs.dueMs, epochs.openSinceMs]).toEqual([true, 5_000, 5_000])
    epochs.began(5_010)
    epochs.cut('a')
    expect([epochs.isWanted, epochs.dueMs]).toEqual([false, 6_010])
  })
})

describe('the gate', () => {
  const row = (source: number, poll: number): { source: number; poll: number } => ({ source, poll })

  test('lets everything pass while no epoch is cut', () => {
    const gate = new EpochGate(2)
    expect([gate.admits(row(0, 9)), gate.admits(undefined)]).toEqual([true, true])
  })

  test('holds, while one is cut, the polls of which no row has passed', () => {
    const gate = new EpochGate(2)
    gate.pass(row(0, 3))
    gate.begin()
    const admitted = [row(0, 3), row(0, 2), row(0, 4), row(1, 1), undefined].map(fresh => gate.admits(fresh))
    expect(admitted).toEqual([true, true, false, false, true])
    expect(gate.end()).toEqual([3, 0])
    expect(gate.admits(row(0, 4))).toBe(true)
  })

  test('can take more into the epoch that is cut, and never less', () => {
    const gate = new EpochGate(1)
    gate.pass(row(0, 3))
    gate.begin()
    expect([gate.widen(0, 2), gate.widen(0, 5), gate.widen(0, 5)]).toEqual([false, true, false])
    expect(gate.end()).toEqual([5])
  })
})

describe('the size of an epoch', () => {
  test('is that of rows that wait in a sink for their commit, and of no others', () => {
    const heldBytes = (holds: boolean): number => {
      const sink = new SinkVertex(0, 'out', holds, new EpochGate(1))
      const batch = batchFromRows({ fields: [{ name: 'n', type: { kind: 'int64' } }] }, [{ n: 1n }, { n: 2n }])
      sink.input.push({ batch, origin: { kind: 'run', split: 0, first: 0 } })
      expect(sink.next()?.rows).toBe(2)
      return sink.heldBytes
    }
    expect(heldBytes(true)).toBeGreaterThanOrEqual(16)
    expect(heldBytes(false)).toBe(0)
  })
})
