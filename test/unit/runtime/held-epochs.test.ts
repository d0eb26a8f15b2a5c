/** A service is away for the rows of one lane: the epoch waits for them, and the other lanes do not. */
import { expect, test } from 'vitest'
import { type EpochEffects, type EpochEvents } from '../../../src/runtime/epoch/index.js'
import { type EpochCut } from '../../../src/runtime/flow/index.js'
import { DrivenEngine } from '../../support/engine.js'

class Story {
  /** Epochs that were cut, in their order. */
  readonly cuts: string[] = []
  readonly driven: DrivenEngine
  /** What epochs asked for and is not done. */
  private readonly asked: ((epochs: EpochEvents) => void)[] = []

  constructor({ bytesMax = 1e9, intoNull = false } = {}) {
    const effects: EpochEffects<EpochCut> = {
      cutTaken: () => undefined,
      prepareSink: (sink, epoch) => {
        if (sink === 0) this.cuts.push(`epoch ${epoch}`)
        this.asked.push(epochs => epochs.sinkPrepared(sink, epoch, null))
      },
      writeEpoch: epoch => void this.asked.push(epochs => epochs.epochWritten(epoch)),
      commitSink: (sink, epoch) => void this.asked.push(epochs => epochs.sinkCommitted(sink, epoch)),
      finishEpoch: epoch => void this.asked.push(epochs => epochs.epochFinished(epoch)),
    }
    this.driven = new DrivenEngine(['tally'], {
      lanes: 16,
      intoNull,
      pool: { creditPerWorker: 2 },
      epochs: { terms: { intervalMs: 1_000, openMax: 4, bytesMax }, effects, beyond: null },
    })
    this.tell(0, 'ready 1')
  }

  /** Answers which calls were asked for. */
  tell(atMs: number, ...events: readonly string[]): string {
    for (const event of events) this.driven.hear(event, atMs)
    return this.driven.said().calls
  }

  /** All that epochs asked for is done. */
  disk(atMs: number): void {
    for (let next = this.asked.shift(); next !== undefined; next = this.asked.shift())
      this.driven.engine.epochStep(next, atMs)
  }

  delayedBy(atMs: number): string | null {
    return this.driven.engine.epochStatus(atMs)?.delayedBy ?? null
  }
}

test('an epoch that is due while a lane is held is not cut, and rows of the other lanes go on', () => {
  const story = new Story()
  expect(story.tell(0, 'rows b a')).toBe('1: 1, 1: 2')
  story.tell(0, 'waits 1', 'answers 1', 'written')
  expect(story.tell(1_500, 'rows a')).toBe('1: 1, 1: 3')
  expect(story.tell(1_500, 'waits 1', 'answers 1', 'written', 'rows a a')).toBe('1: 4-5')
  expect(story.delayedBy(1_500)).toBe('operator "tally", which waits for a service')
  story.tell(1_500, 'answers 1', 'written')
  expect(story.cuts).toEqual([])
  expect(story.tell(3_000, 'tick')).toBe('1: 1')
  story.tell(3_000, 'answers 1', 'written')
  expect(story.cuts).toEqual(['epoch 1'])
})

test('a cut that is under way when a lane is held is put off, and rows of the other lanes go on', () => {
  const story = new Story()
  story.tell(0, 'rows b a')
  story.tell(1_000, 'answers 1 last', 'written')
  expect(story.tell(1_100, 'rows a')).toBe('')
  expect(story.delayedBy(1_100)).toBe('operator "tally"')
  expect(story.tell(1_100, 'waits 1')).toBe('1: 3')
  story.tell(1_100, 'answers 1', 'written')
  expect(story.cuts).toEqual([])
  expect(story.tell(1_300, 'tick')).toBe('1: 1')
  story.tell(1_300, 'answers 1', 'written')
  expect(story.cuts).toEqual(['epoch 1'])
})

test.each([
  ['holds rows', false],
  ['holds none, though sources gave them', true],
])(
  'an epoch with as many bytes as it may have waits for the lane, and all others with it, where its sink %s',
  (_, intoNull) => {
    const story = new Story({ bytesMax: 1, intoNull })
    story.tell(0, 'rows b a', 'waits 1', 'answers 1', 'written')
    const again = story.tell(1_001, 'tick')
    expect([again, story.tell(1_500, 'rows a')].join('')).toBe('1: 1')
    story.tell(1_500, 'answers 1', 'written')
    expect(story.cuts).toEqual(['epoch 1'])
  },
)

test('a lane that was held for a row which then is dead holds no epoch any more', () => {
  const story = new Story()
  story.tell(0, 'rows b a')
  story.tell(0, 'waits 1', 'answers 1', 'written')
  expect(story.tell(500, 'tick')).toBe('1: 1')
  story.tell(500, 'raises 1')
  story.tell(1_300, 'tick')
  expect(story.delayedBy(1_300)).toBe(null)
  expect(story.cuts).toEqual(['epoch 1'])
})

test('an epoch in which state changed waits for its time all the same', () => {
  const story = new Story()
  story.tell(0, 'rows a')
  story.tell(10, 'answers 1', 'written', 'tick')
  expect(story.cuts).toEqual([])
  story.tell(1_300, 'tick')
  expect(story.cuts).toEqual(['epoch 1'])
})

test('a run that is stopped counts the rows of its last epoch, and not those that the next run reads again', () => {
  const story = new Story()
  expect(story.tell(0, 'rows b a', 'rows c d')).toBe('1: 1, 1: 2')
  expect(story.driven.engine.ledger.rowsIn).toBe(4)
  story.driven.engine.suspend(10)
  expect(story.tell(10, 'answers 1', 'answers 1', 'written', 'written', 'tick')).toBe('')
  expect(story.cuts).toEqual(['epoch 1'])
  expect(story.driven.engine.report(10).rowsIn).toBe(2)
})

// Rows of the last calls that were made went out with no epoch that has them, and came again with the next run.
test('a run that is stopped while its last calls are made ends with the epoch that has all of them', () => {
  const story = new Story()
  story.tell(0, 'rows b a', 'answers 1', 'answers 1', 'written', 'written')
  story.tell(1_300, 'tick')
  story.disk(1_300)
  expect(story.tell(1_400, 'end')).toBe('1: end of 1 keys, 1: end of 1 keys')
  // Of two lanes one has been called, and nobody is there for the other.
  story.tell(1_400, 'answers 1', 'written', 'lost 1 outside')
  story.driven.engine.suspend(1_500)
  expect(story.driven.said().rows).toBe('')
  expect(story.tell(1_600, 'ready 2')).toBe('2: end of 1 keys')
  story.tell(1_600, 'answers 2', 'written')
  expect(story.cuts).toEqual(['epoch 1', 'epoch 2'])
  story.disk(1_700)
  expect(story.driven.said().rows).toBe('the end, the end')
  expect(story.driven.engine.sinkRows).toEqual([2, 2])
})
