/** Which code a run has: that of the job, what was swapped in while it ran, and what the record of an epoch says of it. */
import { describe, expect, test } from 'vitest'
import { CodeStory, described, fresh, own, runs } from '../../support/codes.js'

const all = { replaces: own, operator: null, rows: 'stay' } as const
const onlyScore = { ...all, operator: 'score' } as const

test('a run begins with the code of its job, and an epoch says which source each file had', () => {
  const codes = new CodeStory().codes()
  codes.goOn(null)
  expect(runs(codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
  expect(codes.recordOf(1)).toEqual({ code: { 'transforms.py': 'v1' }, swapped: {} })
  expect(codes.copiesOf(codes.now)).toEqual({ [own]: '/run/v1.py' })
})

describe('code that is swapped in', () => {
  test('is the next number, its source is on the disk before an epoch can name it, and an epoch before says nothing of it', () => {
    const story = new CodeStory()
    const codes = story.codes()
    codes.add(codes.with(described(fresh, 'v2'), all))
    expect(story.kept).toContain('v2')
    expect(runs(codes)).toEqual({ score: `${fresh} v2`, count: `${fresh} v2` })
    expect(codes.recordOf(1).swapped).toEqual({})
    expect(Object.entries(codes.recordOf(2).swapped).map(([id, { own: of, source }]) => [id, of, source])).toEqual([
      ['score', 'v1', 'v2'],
      ['count', 'v1', 'v2'],
    ])
    expect([...codes.now.operators]).toEqual(['score', 'count'])
  })

  test('of one operator leaves the other as it is', () => {
    const codes = new CodeStory().codes()
    codes.add(codes.with(described(fresh, 'v2'), onlyScore))
    expect(runs(codes)).toEqual({ score: `${fresh} v2`, count: `${own} v1` })
    expect([...codes.now.operators]).toEqual(['score'])
  })

  // Workers run one source of a file: the other operator would have changed with it, unasked and unjudged.
  test('of one operator is refused where the file that was edited has a function of the other too', () => {
    const story = new CodeStory()
    const codes = story.codes()
    story.files.set(own, 'edited')
    expect(() => codes.with(described(own, 'edited'), onlyScore)).toThrow(
      'operator "count" has a function of transforms.py too',
    )
    expect(() => codes.with(described(own, 'edited'), all)).not.toThrow()
  })

  test('is refused where its file changed while Python read it, or has no such function', () => {
    const codes = new CodeStory().codes()
    expect(() => codes.with(described(fresh, 'older'), all)).toThrow('module /job/new.py changed while it was read')
    expect(() => codes.with(described(fresh, 'v2', 'count'), all)).toThrow('module new.py has no transform "count"')
    expect(runs(codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
  })

  test('and is dropped again was never there, nor is its source', () => {
    const story = new CodeStory()
    const codes = story.codes()
    codes.goOn(null)
    codes.add(codes.with(described(fresh, 'v2'), all))
    codes.drop()
    expect(runs(codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
    expect([...story.kept]).toEqual(['v1'])
  })
})

describe('a run that goes on', () => {
  const swapped = (story: CodeStory) => {
    const codes = story.codes()
    codes.add(codes.with(described(fresh, 'v2'), onlyScore))
    return codes.recordOf(2)
  }

  test('has the code that the record names, from the source that was kept, although the file is another one now', () => {
    const story = new CodeStory()
    const record = swapped(story)
    story.files.set(fresh, 'edited')
    const codes = story.codes()
    codes.goOn(record)
    expect(runs(codes)).toEqual({ score: `${fresh} v2`, count: `${own} v1` })
    expect(story.brought).toEqual(['v2'])
    expect(codes.recordOf(1)).toEqual(record)
  })

  test('has the code of its job again once the file of that is another one: it is newer than what was swapped in', () => {
    const story = new CodeStory()
    const record = swapped(story)
    story.files.set(own, 'v3')
    const codes = story.codes()
    codes.goOn(record)
    expect(runs(codes)).toEqual({ score: `${own} v3`, count: `${own} v3` })
    expect(codes.recordOf(1).swapped).toEqual({})
    expect(story.said).toContain(`operator "score" runs the job's own code again, since its module is another one`)
  })

  test('behind an epoch of the old code has nothing of code that was thrown away, and numbers it anew', () => {
    const codes = new CodeStory().codes()
    codes.add(codes.with(described(fresh, 'v2'), all))
    codes.goOn(codes.recordOf(1))
    expect(runs(codes)).toEqual({ score: `${own} v1`, count: `${own} v1` })
    codes.add(codes.with(described(fresh, 'v2'), onlyScore))
    expect(Object.keys(codes.recordOf(2).swapped)).toEqual(['score'])
  })

  test('keeps the sources that its record names and those that it runs, and no others', () => {
    const story = new CodeStory()
    const record = swapped(story)
    story.kept.add('of long ago')
    const codes = story.codes()
    codes.goOn(record)
    codes.keep()
    codes.leave()
    expect([...story.kept].toSorted()).toEqual(['v1', 'v2'])
  })

  test('keeps the source that the newest epoch names beside that of newer code, which no epoch names yet', () => {
    const story = new CodeStory()
    const record = swapped(story)
    const codes = story.codes()
    codes.goOn(record)
    story.files.set(fresh, 'v3')
    codes.add(codes.with(described(fresh, 'v3'), onlyScore))
    codes.leave()
    expect([...story.kept].toSorted()).toEqual(['v1', 'v2', 'v3'])
  })
})
