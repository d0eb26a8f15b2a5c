/**
 * Other code in a running job, as stories: which worker gets which rows, which epoch is of which code, and what is said of the
 * swap. Beside the events of `DrivenEngine` there are `swap`, `disk` (all that epochs asked for is done), `want` (a sink has
 * something to show) and `unstarted W` (a worker that refuses the code). The rows of an epoch's state stand behind its code.
 */
import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/index.js'
import { type Topology } from '../../../src/plan/index.js'
import { type EpochEffects, type EpochEvents } from '../../../src/runtime/epoch/index.js'
import { type EpochCut, type Swap, type SwapEvents } from '../../../src/runtime/flow/index.js'
import { type FunctionName, refOf } from '../../../src/testing/simulation/functions.js'
import { sourceSchema } from '../../../src/testing/simulation/job.js'
import { DrivenEngine, type DrivenOptions } from '../../support/engine.js'
import { tell } from '../../support/story.js'
import { topologyOf } from '../../support/topology.js'

const nullKeys = 'dead-letter'

interface SwapTerms extends DrivenOptions {
  readonly names?: readonly FunctionName[]
  readonly maxErrors?: number
  /** The new code keeps one column of state more. */
  readonly keepsMore?: boolean
  /** The job has begun again with the new code. */
  readonly anew?: boolean
}

class SwapStory {
  readonly driven: DrivenEngine
  private readonly asked: (() => void)[] = []
  private readonly topology: Topology
  private news: { epochs: string[]; swap: string[] } = { epochs: [], swap: [] }
  private nowMs = 0

  constructor(private readonly terms: SwapTerms) {
    const { names = ['tally'], maxErrors: _, keepsMore = false, anew = false, ...others } = terms
    const effects: EpochEffects<EpochCut> = {
      cutTaken: () => undefined,
      prepareSink: (sink, epoch) => this.ask(epochs => epochs.sinkPrepared(sink, epoch, null)),
      writeEpoch: (epoch, { code, state }) => {
        this.news.epochs.push(`${epoch} by code ${code} (${state.reduce((n, block) => n + block.rows, 0)})`)
        this.ask(epochs => epochs.epochWritten(epoch))
      },
      commitSink: (sink, epoch) => this.ask(epochs => epochs.sinkCommitted(sink, epoch)),
      finishEpoch: epoch => this.ask(epochs => epochs.epochFinished(epoch)),
    }
    const epochs = { terms: { intervalMs: 1_000, openMax: 4, bytesMax: 1e9 }, effects, beyond: null }
    const functions = names.map(name => refOf(name, 1_000, { keepsMore }))
    this.topology = topologyOf(functions, { source: sourceSchema, key: 'k', nullKeys })
    this.driven = new DrivenEngine(names, { ...others, nullKeys, epochs, ...(anew && { trial: this.asks }) })
  }

  private ask(step: (epochs: EpochEvents) => void): void {
    this.asked.push(() => this.driven.engine.epochStep(step, this.nowMs))
  }

  private readonly events: SwapEvents = {
    refused: ({ code }) => this.news.swap.push(`refused ${code}`),
    changed: sinceMs => {
      this.news.swap.push(`changed since ${sinceMs}`)
      this.driven.opens(this.topology)
    },
    kept: ({ rows, dead }) => this.news.swap.push(`kept, ${dead} of ${rows} dead`),
  }

  private get asks(): Swap {
    const { names = ['tally'], maxErrors = 0 } = this.terms
    return { topology: this.topology, operators: new Set(names), maxErrors, events: this.events }
  }

  swap(): void {
    this.driven.engine.swap(this.asks, this.nowMs)
  }

  readonly play = (event: string, atMs: number): readonly string[] => {
    this.nowMs = atMs
    const [what = '', worker] = event.split(' ')
    const { engine } = this.driven
    if (what === 'swap') this.swap()
    else if (what === 'disk') for (let next = this.asked.shift(); next !== undefined; next = this.asked.shift()) next()
    else if (what === 'want') engine.epochStep(epochs => epochs.want(), atMs)
    else if (what === 'unstarted') engine.startFailed(Number(worker), new PlanError('ANB1021', 'other code'), atMs)
    else this.driven.hear(event, atMs)
    const { calls } = this.driven.said()
    const { epochs, swap } = this.news
    this.news = { epochs: [], swap: [] }
    const { error } = this.driven
    return [calls, epochs.join(', '), error === null ? swap.join(', ') : `stops ${error.code}`]
  }
}

function check(terms: SwapTerms, text: string): SwapStory {
  const story = new SwapStory(terms)
  tell(text, story.play)
  return story
}

describe('new code', () => {
  test('waits until a worker with it stands ready and the calls of the old one are answered; then it gets the rows', () =>
    void check(
      {},
      `
      at    event      ->  calls    epochs              swap
      0     ready 1        .        .                   .
      10    rows a b       1: 1-2   .                   .
      20    swap           .        .                   .
      30    ready 2        .        .                   .    // a call of the old code is out
      40    rows c         .        .                   .    // and the epoch is cut at once
      50    answers 1      .        .                   .    // the sink writes
      60    written        2: 3     .                   changed since 30
      70    disk           .        1 by code 1 (2)     .
      80    answers 2      .        .                   .
      90    written        .        .                   .
      1060  tick           .        .                   .
      1070  disk           .        2 by code 2 (1)     kept, 0 of 1 dead
      `,
    ))

  test('changes over at once where nothing was done since the last epoch', () =>
    void check(
      {},
      `
      at    event      ->  calls    epochs    swap
      0     ready 1        .        .         .
      20    swap           .        .         .
      30    ready 2        .        .         changed since 30
      40    rows a         2: 1     .         .
      `,
    ))

  test('with which a job begins again is not kept for want of rows before a worker with it stood ready', () =>
    void check(
      { anew: true },
      `
      at     event      ->  calls    epochs              swap
      10     rows a b       .        .                   .
      20000  tick           .        .                   .
      40000  tick           .        .                   .
      40010  ready 1        1: 1-2   .                   .
      40020  answers 1      .        .                   .
      40030  written        .        .                   .
      40040  tick           .        .                   .
      40050  disk           .        1 by code 2 (2)     kept, 0 of 2 dead
      `,
    ))

  test('with which a job begins again and no worker starts is thrown away with the first one that is lost', () =>
    void check(
      { anew: true },
      `
      at    event            ->  calls    epochs    swap
      10    rows a b             .        .         .
      20    lost 1 crash         .        .         stops ANB3003
      `,
    ))

  test('over the limit of errors stops the attempt before anything of its first epoch is written', () => {
    const story = check(
      { maxErrors: 0.4 },
      `
      at    event      ->  calls    epochs    swap
      0     ready 1        .        .         .
      20    swap           .        .         .
      30    ready 2        .        .         changed since 30
      40    rows a b       2: 1-2   .         .
      50    raises 2       2: 1     .         .
      60    raises 2       2: 2     .         .
      70    answers 2      .        .         .
      80    written        .        .         .
      1040  tick           .        .         stops ANB2013
      `,
    )
    expect(story.driven.error?.message).toBe(
      "expected at most 40 % of the first epoch's rows to fail in new code, got 1 of 2",
    )
    expect(story.driven.engine.trial).toEqual({ rows: 2, dead: 1, deadByReason: { ValueError: 1 }, epoch: null })
  })

  test('within the limit is kept, with its dead rows', () =>
    void check(
      { maxErrors: 0.5 },
      `
      at    event      ->  calls    epochs              swap
      0     ready 1        .        .                   .
      20    swap           .        .                   .
      30    ready 2        .        .                   changed since 30
      40    rows a b       2: 1-2   .                   .
      50    raises 2       2: 1     .                   .
      60    raises 2       2: 2     .                   .
      70    answers 2      .        .                   .
      80    written        .        .                   .
      1040  tick           .        .                   .
      1050  disk           .        1 by code 2 (1)     kept, 1 of 2 dead
      `,
    ))

  test('is not judged by what died of the old code, or without a call: lines, keys that are null', () =>
    void check(
      {},
      `
      at    event      ->  calls    epochs              swap
      0     ready 1        .        .                   .
      10    rows a         1: 1     .                   .
      20    raises 1       .        .                   .
      25    swap           .        .                   .
      30    ready 2        .        .                   changed since 30
      40    rows - b       2: 3     .                   .
      50    answers 2      .        .                   .
      60    written        .        .                   .
      1030  tick           .        .                   .
      1040  disk           .        1 by code 1 (0), 2 by code 2 (1)   kept, 0 of 1 dead
      `,
    ))

  // Epochs of the old code took state in the form of the new one, and a host that died then went on with both.
  test('is not judged by an epoch in which it had no row: that is of the old code; all state in the new form goes with the first that has', () =>
    void check(
      { keepsMore: true },
      `
      at    event      ->  calls    epochs              swap
      0     ready 1        .        .                   .
      10    rows a b c     1: 1-3   .                   .
      20    answers 1      .        .                   .
      25    written        .        .                   .
      30    swap           .        .                   .
      40    ready 2        .        .                   changed since 40
      50    disk           .        1 by code 1 (3)     .
      60    want           .        .                   .
      1060  tick           .        .                   .
      1070  disk           .        2 by code 1 (0)     .
      1080  rows a         2: 4     .                   .
      1090  answers 2      .        .                   .
      1095  written        .        .                   .
      2060  tick           .        .                   .
      2070  disk           .        3 by code 2 (3)     kept, 0 of 1 dead
      `,
    ))

  // Whoever asked for a swap of a job that had nothing to do waited for ever.
  test('ends after 10 s without a row, with an epoch of its own: the code is kept, and nothing was tried', () =>
    void check(
      { keepsMore: true },
      `
      at    event      ->  calls    epochs              swap
      0     ready 1        .        .                   .
      10    rows a b c     1: 1-3   .                   .
      20    answers 1      .        .                   .
      25    written        .        .                   .
      30    swap           .        .                   .
      40    ready 2        .        .                   changed since 40
      50    disk           .        1 by code 1 (3)     .
      10030  tick          .        .                   .
      10040  tick          .        .                   .
      11050  tick          .        .                   .
      11060  disk          .        2 by code 2 (3)     kept, 0 of 0 dead
      11070  rows a        2: 4     .                   .
      `,
    ))
})

describe('while new code waits', () => {
  test('its worker that ends, or refuses the code, speaks against it: the old one goes on and was not disturbed', () => {
    for (const end of ['lost 2 crash', 'unstarted 2'])
      check(
        {},
        `
        at    event      ->  calls    epochs    swap
        0     ready 1        .        .         .
        10    rows a         1: 1     .         .
        20    swap           .        .         .
        30    ${end}      .        .         refused ${end.startsWith('lost') ? 'ANB3003' : 'ANB1021'}
        40    answers 1      .        .         .
        50    written        .        .         .
        60    rows b         1: 2     .         .
        `,
      )
  })

  test('a swap may be asked for again once the one before was refused, and not before', () => {
    const story = check(
      {},
      `
      at    event      ->  calls    epochs    swap
      0     ready 1        .        .         .
      20    swap           .        .         .
      `,
    )
    expect(() => story.swap()).toThrow(/^expected no swap to be under way/)
    tell(
      `
      at    event      ->  calls    epochs    swap
      30    lost 2 crash   .        .         refused ANB3003
      40    swap           .        .         .
      50    ready 3        .        .         changed since 50
      `,
      story.play,
    )
  })

  // It changed over between two of them where nobody worked for a moment, so some keys had their last call from either code.
  test('all last calls are of the old one where they have begun', () =>
    void check(
      { lanes: 16 },
      `
      at    event             ->  calls                epochs              swap
      0     ready 1               .                    .                   .
      10    rows b a              1: 1                 .                   .
      20    answers 1             1: 2                 .                   .
      25    written               .                    .                   .
      30    answers 1             .                    .                   .
      40    written               .                    .                   .
      1040  tick                  .                    .                   .
      1050  disk                  .                    1 by code 1 (2)     .
      1060  end                   1: end of 1 keys     .                   .
      1070  swap                  .                    .                   .
      1080  ready 2               .                    .                   .
      1090  answers 1             1: end of 1 keys     .                   .
      1100  written               .                    .                   .
      1110  lost 1 outside        .                    .                   .    // nobody works
      1120  ready 3               3: end of 1 keys     .                   .
      1130  answers 3             .                    .                   .
      1140  written               .                    .                   changed since 1080
      `,
    ))

  test('rows of other lanes flow although a service is away that one lane waits for', () =>
    void check(
      { lanes: 16, pool: { creditPerWorker: 2 } },
      `
      at    event      ->  calls          epochs    swap
      0     ready 1        .              .         .
      10    rows b a       1: 1, 1: 2     .         .
      20    waits 1        .              .         .
      20    swap           .              .         .
      30    ready 2        .              .         .
      40    answers 1      .              .         .
      50    written        .              .         .
      60    rows a         1: 3           .         .
      `,
    ))
})

test('a job that is over, or begins again, refuses a swap: nobody would ever answer it', () => {
  const story = check(
    {},
    `
    at    event      ->  calls    epochs    swap
    0     ready 1        .        .         .
    10    rows a         1: 1     .         .
    20    breaks 1       .        .         stops ANB2104
    `,
  )
  expect(() => story.swap()).toThrow(/^expected a running job to swap code of/)
})
