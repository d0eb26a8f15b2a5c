/** What whoever asks for a swap is told, over the attempts of a run: what became of the code in truth, always, and once. */
import { describe, expect, test } from 'vitest'
import { type AnabranchError, ConnectorError, PlanError, StateError, TransformError } from '../../../src/base/index.js'
import { type Swap, type SwapReport, type Trial, Swaps } from '../../../src/runtime/index.js'
import { type DescribedModule } from '../../../src/workers/index.js'
import { CodeStory, described, fresh, own, runs } from '../../support/codes.js'

const good: Trial = { rows: 10, dead: 0, deadByReason: {}, epoch: 7 }
const open: Trial = { rows: 10, dead: 3, deadByReason: { ValueError: 3 }, epoch: null }
const request = { module: 'new.py', operator: null, maxErrors: null }
const bug = new TransformError('ANB2013', 'too many rows of the first epoch failed')
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

class SwapsStory {
  readonly code = new CodeStory()
  readonly codes = this.code.codes()
  readonly counts: string[] = []
  /** What the engine was asked for. */
  readonly begun: Swap[] = []
  /** How each request ended. */
  readonly heard: (SwapReport | string)[] = []
  nowMs = 0
  /** Python answers now; an error: the module does not import. */
  answer: (error?: AnabranchError) => void = () => undefined
  readonly swaps: Swaps

  /** Attempts that were ended for other code. */
  readonly restarted: AnabranchError[] = []

  constructor(
    private readonly refusal: AnabranchError | null = null,
    module: (path: string) => DescribedModule = path => described(path, 'v2'),
  ) {
    this.codes.goOn(null)
    this.swaps = new Swaps({
      plan: this.code.plan,
      clock: { nowMs: () => this.nowMs },
      observer: { count: what => void this.counts.push(what), log: () => undefined },
      codes: this.codes,
      changes: () => undefined,
      restart: change => void this.restarted.push(change),
      describe: path =>
        new Promise((resolve, reject) => {
          this.answer = error => (error === undefined ? resolve(module(path)) : reject(error))
        }),
    })
  }

  /** Asks; the engine has begun when this settles. */
  async asked(): Promise<Swap | undefined> {
    this.ask()
    await turns()
    this.answer()
    await turns()
    return this.begun.at(-1)
  }

  ask(): void {
    const engine = {
      state: { coldSides: [] },
      swap: (swap: Swap) => {
        if (this.refusal !== null) throw this.refusal
        this.begun.push(swap)
      },
    }
    this.swaps.swap(engine, request).then(
      report => void this.heard.push(report),
      (error: unknown) => void this.heard.push(error instanceof Error ? error.message : String(error)),
    )
  }
}

const report = (of: Partial<SwapReport>): SwapReport => ({
  ...{ kept: true, why: null, rows: 10, dead: 0, deadByReason: {}, pausedMs: 0 },
  ...of,
})

/** The state of `count` is text from now on, which a declared function makes of the number that was kept. */
function migrating(path: string): DescribedModule {
  const module = described(path, 'v2')
  const functions = module.functions.map(each =>
    each.name === 'count' ? { ...each, state: [['total', 'utf8'] as const] } : each,
  )
  const from = [['n', 'int64'] as const]
  return { ...module, functions, migrations: [{ name: 'to_text', operator: 'count', from, declared: 'text' }] }
}

describe('whoever asks for a swap to code whose state is migrated', () => {
  async function begunAnew(): Promise<SwapsStory> {
    const story = new SwapsStory(null, migrating)
    expect(await story.asked()).toBeUndefined()
    const [change] = story.restarted
    expect(story.swaps.failed(change, null)).toBe(true)
    expect(story.swaps.onTrial).toMatchObject({ maxErrors: 0.01, operators: new Set(['score', 'count']) })
    story.codes.goOn(story.codes.recordOf(1))
    expect(story.codes.count).toBe(2)
    expect(runs(story.codes)).toEqual({ score: `${fresh} v2`, count: `${fresh} v2` })
    return story
  }

  test('hears that it is kept when the first epoch of the next attempt is, and how long nothing flowed', async () => {
    const story = await begunAnew()
    story.nowMs = 700
    story.swaps.flows(5)
    story.swaps.onTrial?.events.kept(good)
    await turns()
    expect(story.heard).toEqual([report({ pausedMs: 700 })])
    expect(story.swaps.onTrial).toBeNull()
  })

  test('hears why it is refused where no row of it flowed, once those of the old code do', async () => {
    const story = await begunAnew()
    expect(story.swaps.failed(new StateError('ANB6017', 'the migration raised'), null)).toBe(true)
    expect(story.swaps.onTrial).toBeNull()
    await turns()
    expect(story.heard).toEqual([])
    story.codes.goOn(story.codes.recordOf(1))
    story.swaps.flows(5)
    await turns()
    expect(story.heard).toEqual(['the migration raised'])
    expect(runs(story.codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
  })
})

describe('whoever asks for a swap', () => {
  test('hears that it is kept, and for how long rows stood still, once its first epoch is written', async () => {
    const story = new SwapsStory()
    const swap = await story.asked()
    expect(swap).toMatchObject({ maxErrors: 0.01, operators: new Set(['score', 'count']) })
    story.nowMs = 130
    swap?.events.changed(100)
    await turns()
    expect(story.heard).toEqual([])
    swap?.events.kept(good)
    await turns()
    expect(story.heard).toEqual([report({ pausedMs: 30 })])
    expect(story.counts).toEqual(['swap.kept'])
  })

  test('hears that it was thrown away, and why, once rows of the old code flow again', async () => {
    const story = new SwapsStory()
    await story.asked()
    story.nowMs = 100
    expect(story.swaps.failed(bug, { trial: open })).toBe(true)
    await turns()
    expect(story.heard).toEqual([])
    story.nowMs = 900
    story.codes.goOn(story.codes.recordOf(1))
    story.swaps.flows(6)
    await turns()
    const { rows, dead, deadByReason } = open
    expect(story.heard).toEqual([report({ kept: false, why: bug.json, rows, dead, deadByReason, pausedMs: 800 })])
    expect(runs(story.codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
  })

  // It was told that the old code goes on, and the record said otherwise.
  test('hears that it is kept where the attempt failed behind the write that made its first epoch durable', async () => {
    const story = new SwapsStory()
    await story.asked()
    story.swaps.failed(new ConnectorError('ANB4001', 'the sink is away'), { trial: good })
    story.codes.goOn(story.codes.recordOf(2))
    story.swaps.flows(7)
    await turns()
    expect(story.heard).toEqual([report({ kept: true })])
    expect(runs(story.codes)).toEqual({ score: `${fresh} v2`, count: `${fresh} v2` })
  })

  test('hears that it was thrown away where that write was lost', async () => {
    const story = new SwapsStory()
    await story.asked()
    story.swaps.failed(bug, { trial: good })
    story.swaps.flows(6)
    await turns()
    expect(story.heard).toMatchObject([{ kept: false }])
  })

  test('hears the error of a run that ended while nobody knew whether the first epoch was written', async () => {
    const story = new SwapsStory()
    await story.asked()
    story.swaps.failed(bug, { trial: good })
    story.swaps.ended()
    await turns()
    expect(story.heard).toEqual([bug.message])
  })

  test('hears that the run ended before the first epoch did', async () => {
    const story = new SwapsStory()
    await story.asked()
    story.swaps.ended()
    await turns()
    expect(story.heard).toEqual(['expected the first epoch of the new code to end, the run ended before'])
  })
})

describe('a swap is refused, and the next one may come,', () => {
  test.each<readonly [string, (story: SwapsStory) => Promise<unknown>, SwapsStory]>([
    [
      'where the module does not import',
      async story => {
        story.ask()
        await turns()
        story.answer(new PlanError('ANB1020', 'no'))
      },
      new SwapsStory(),
    ],
    ['where it does not fit', story => story.asked(), new SwapsStory(new PlanError('ANB1027', 'no'))],
    [
      'where its workers do not start',
      async story => (await story.asked())?.events.refused(new PlanError('ANB3003', 'no')),
      new SwapsStory(),
    ],
  ])('%s', async (_, happens, story) => {
    await happens(story)
    await turns()
    expect(story.heard).toEqual(['no'])
    expect(runs(story.codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
    story.ask()
    await turns()
    expect(story.heard).toEqual(['no'])
  })

  test('where one before it is not judged yet, which is not disturbed', async () => {
    const story = new SwapsStory()
    const swap = await story.asked()
    story.ask()
    await turns()
    swap?.events.kept(good)
    await turns()
    expect(story.heard).toEqual([
      'expected no swap to be under way, the one before is not judged yet',
      report({ kept: true }),
    ])
  })

  // The code was added all the same, and the next swap had its number and was started with this one's sources.
  test('where the attempt fails while Python reads the module: then it is read for nothing', async () => {
    const story = new SwapsStory()
    story.ask()
    await turns()
    expect(story.swaps.failed(new ConnectorError('ANB4001', 'the source is away'), { trial: null })).toBe(false)
    story.answer()
    await turns()
    expect(story.heard).toEqual(['the source is away'])
    expect(story.begun).toEqual([])
    expect(runs(story.codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
  })
})

test('new code is to blame for what it may have done: not for a disk, a source or a sink', () => {
  const of = (error: AnabranchError): boolean => new SwapsStory().swaps.failed(error, { trial: open })
  expect(of(bug)).toBe(true)
  expect(of(new ConnectorError('ANB4001', 'the sink is away'))).toBe(false)
})
