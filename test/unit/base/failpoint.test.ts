import { afterEach, describe, expect, test } from 'vitest'
import {
  type ArmedFailpoint,
  atFailpoint,
  failpoint,
  failpoints,
  onFailpoint,
  readFailpoints,
  strikingHook,
} from '../../../src/base/index.js'
import { armFailpoints } from '../../../src/runtime/open/failpoints.js'

afterEach(() => onFailpoint(null))

describe('a failpoint', () => {
  test('does nothing while nobody is told', () => {
    expect(atFailpoint('accept', () => 7)).toBe(7)
  })

  test('tells of both sides of a step, in order', () => {
    const told: string[] = []
    onFailpoint((name, side) => told.push(`${name} ${side}`))
    atFailpoint('prepare.sync', () => told.push('the step'))
    expect(told).toEqual(['prepare.sync before', 'the step', 'prepare.sync after'])
  })

  test('has no end where its step throws', () => {
    const told: string[] = []
    onFailpoint((_, side) => told.push(side))
    expect(() =>
      atFailpoint('accept', () => {
        throw new RangeError('no')
      }),
    ).toThrow(RangeError)
    expect(told).toEqual(['before'])
  })

  test('strikes at the hit that is armed, once, and at no other', () => {
    const struck: ArmedFailpoint[] = []
    const armed = [{ name: 'send', side: 'after', hit: 2 }] as const
    onFailpoint(strikingHook(armed, at => struck.push(at)))
    for (let i = 0; i < 4; i += 1) atFailpoint('send', () => failpoint('recv', 'after'))
    expect(struck).toEqual([armed[0]])
  })

  test('there are 24 of them, each with a name of its own', () => {
    expect(new Set(failpoints).size).toBe(24)
  })
})

describe('what arms failpoints', () => {
  test('names them with a side and a hit, the first unless given', () => {
    expect(readFailpoints('prepare.sync:before:3, send:after')).toEqual([
      { name: 'prepare.sync', side: 'before', hit: 3 },
      { name: 'send', side: 'after', hit: 1 },
    ])
  })

  test.each(['', 'nowhere:before', 'send', 'send:during', 'send:after:0', 'send:after:x', 'send:after:1:2'])(
    'is refused as "%s"',
    text => {
      expect(readFailpoints(text)).toEqual([text])
      if (text === '') return
      expect(() => armFailpoints({ ANABRANCH_FAILPOINT: text })).toThrow(
        expect.objectContaining({ code: 'ANB8011', detail: expect.stringContaining('shutdown.drain') }),
      )
    },
  )

  test('is refused in production', () => {
    expect(() => armFailpoints({ ANABRANCH_FAILPOINT: 'send:after', NODE_ENV: 'production' })).toThrow(
      expect.objectContaining({ code: 'ANB8011', class: 'PlanError' }),
    )
  })

  test('reaches workers only where one of theirs is armed', () => {
    expect(armFailpoints({})).toEqual([])
    expect(armFailpoints({ ANABRANCH_FAILPOINT: 'send:after:900' })).toEqual([])
    expect(armFailpoints({ ANABRANCH_FAILPOINT: 'send:after:900,w.run:before' })).toEqual(['ANABRANCH_FAILPOINT'])
  })
})
