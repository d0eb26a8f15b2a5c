/** `--drop-state` with an id of which nothing is left behind: a slip, or a command that is run again. */
import { expect, test } from 'vitest'
import { Drops, idleDrops, nothingStored } from '../../../src/runtime/open/drops.js'

const job = { keyGroups: 128, sources: { in: 'files of json' }, sinks: { out: 'files of csv' } }
const stored = {
  operators: ['count', 'count', 'sum'],
  sources: { in: 'files of json', more: 'files of json' },
  sinks: { out: 'files of json' },
}

test('an id that names nothing is told with all that is stored, however often it is given', () => {
  expect(idleDrops(['cuont', 'cuont'], stored, job)).toEqual([
    '--drop-state cuont leaves nothing behind: nothing is stored under that id; there is operator "count", operator "sum", source "in", source "more", sink "out"',
  ])
  expect(idleDrops(['cuont'], nothingStored, job)).toEqual([
    '--drop-state cuont leaves nothing behind: nothing is stored',
  ])
})

test('an id of which something is left behind is no slip: an operator, a source that is gone, a sink of another kind', () => {
  expect(idleDrops(['count', 'more', 'out'], stored, job)).toEqual([])
})

test('a source or sink that the job has as it was is told to stay', () => {
  expect(idleDrops(['in'], stored, job)).toEqual([
    '--drop-state in leaves nothing behind: the job has source "in" as it was',
  ])
  expect(idleDrops(['out'], { ...stored, sinks: job.sinks }, job)).toEqual([
    '--drop-state out leaves nothing behind: the job has sink "out" as it was',
  ])
})

test('a job that fails and begins again is not told of what its first attempt has left behind', () => {
  const told: string[] = []
  const drops = new Drops(['count', 'cuont'], (level, words) => told.push(`${level}: ${words}`))
  drops.tell(stored, job)
  drops.tell(nothingStored, job)
  expect(told).toEqual([
    expect.stringMatching(/^warning: --drop-state cuont leaves nothing behind: .*operator "count"/),
  ])
})
