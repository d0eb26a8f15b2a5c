import { describe, expect, test } from 'vitest'
import { Chance } from '../../../src/testing/simulation/chance.js'
import {
  type HostFault,
  drawHostFault,
  drawWorkerStrike,
  failpointSides,
  failpointText,
  serverFaults,
} from '../../chaos/faults.js'
import { floorOf } from '../../chaos/programme.js'
import { Tally } from '../../chaos/tally.js'

const evidence = {
  'lease.resent': 1,
  'reply.stale': 1,
  'lease.halved': 1,
  'frame.refused': 1,
  'worker.lost': 1,
  'stop to roll forward': 1,
  'stop to roll back': 1,
}

function tallyOf(kills: number, workerFaults: number, serverFaultsOfEach = workerFaults): Tally {
  const tally = new Tally()
  for (let i = 0; i < serverFaultsOfEach; i += 1) for (const kind of serverFaults) tally.struckServer(kind)
  for (let i = 0; i < kills; i += 1) tally.struck('host', null)
  tally.workerFaults = workerFaults
  tally.count(evidence)
  return tally
}

describe('a fault programme', () => {
  test('is green where its floor is reached, every reaction was seen and no rule is broken', () => {
    expect(tallyOf(60, 180).verdict(floorOf(0))).toEqual([])
  })

  test.each([
    [59, 180],
    [60, 179],
  ])('with %i kills of hosts and %i faults of workers fails', (kills, faults) => {
    expect(tallyOf(kills, faults).verdict(floorOf(0))).toHaveLength(1)
  })

  test('that struck too few of the processes that workers are forked of fails, and names them', () => {
    expect(tallyOf(60, 180, 2).verdict(floorOf(0))).toEqual([
      '2 faults of fork server, 3 are due',
      '2 faults of fork server and workers, 3 are due',
    ])
  })

  test.each(Object.keys(evidence))('in which %s counts nothing fails', counter => {
    const tally = tallyOf(60, 180)
    tally.counters[counter] = 0
    expect(tally.verdict(floorOf(0))).toEqual([expect.stringContaining(counter)])
  })

  test('of twenty minutes owes a death on each side of each failpoint, and names those that are missing', () => {
    const tally = tallyOf(220, 660)
    for (const { name, side } of failpointSides.slice(2)) tally.struck('host at a failpoint', { name, side, hit: 1 })
    expect(tally.verdict(floorOf(20))).toEqual([
      'no run shows other code that was swapped in (other code kept is 0): the faults were vacuous',
      'no run shows code with a bug that was thrown away (other code thrown away is 0): the faults were vacuous',
      '0 hosts died before source.poll, 1 are due',
      '0 hosts died after source.poll, 1 are due',
    ])
  })

  test('that stopped a host has not killed it', () => {
    const tally = new Tally()
    tally.struck('host stopped', null)
    expect(tally.hostKills).toBe(0)
  })

  test('of ninety minutes owes a thousand kills of hosts', () => {
    expect(floorOf(90).hostKills).toBeGreaterThanOrEqual(990)
    expect(floorOf(90).workerFaults).toBeGreaterThanOrEqual(2_970)
  })

  test('adds up what series beside one another have seen', () => {
    const [one, other] = [tallyOf(20, 100), tallyOf(40, 80)]
    const at = { name: 'send', side: 'after', hit: 1 } as const
    for (const tally of [one, other]) tally.recovered('host at a failpoint', at, 0.5)
    other.wrong.push('seed 7: O1 is broken')
    one.add(other)
    expect(one.verdict(floorOf(0))).toEqual(['seed 7: O1 is broken'])
    expect([one.faults.get('host'), one.counters['lease.resent']]).toEqual([60, 2])
    expect(one.recoveries.get('  send after')).toEqual([0.5, 0.5])
  })

  test('says how long recoveries took, by fault and by failpoint', () => {
    const tally = tallyOf(1, 1)
    const at = { name: 'prepare.sync', side: 'after', hit: 3 } as const
    tally.struck('host at a failpoint', at)
    tally.recovered('host at a failpoint', at, 0.25)
    expect(tally.report().join('\n')).toMatch(/prepare\.sync after +1 +250 ms +250 ms/)
  })
})

describe('faults of a seed', () => {
  const draw = (seed: number): readonly HostFault[] => {
    const chance = new Chance(seed)
    return Array.from({ length: 200 }, () => drawHostFault(chance, { kind: 'host', deep: 0, turn: 0 }))
  }

  test('are the same again, and of all kinds', () => {
    expect(draw(3)).toEqual(draw(3))
    expect(new Set(draw(3).map(fault => fault.kind)).size).toBe(6)
  })

  test('come to each side of each failpoint in turn', () => {
    const chance = new Chance(5)
    const drawn = new Set<string>()
    for (let turn = 0; turn < failpointSides.length; ) {
      const fault = drawHostFault(chance, { kind: null, deep: 0, turn })
      if (fault.kind !== 'host at a failpoint') continue
      drawn.add(`${fault.at.name} ${fault.at.side}`)
      turn += 1
    }
    expect([...drawn]).toEqual(failpointSides.map(({ name, side }) => `${name} ${side}`))
    expect([...drawn]).toContain('savepoint.publish after')
  })

  test('never kill a start more than three deep', () => {
    const chance = new Chance(4)
    for (let i = 0; i < 200; i += 1) {
      const fault = drawHostFault(chance, { kind: 'host in its start', deep: 3, turn: 0 })
      expect(fault.kind).not.toBe('host in its start')
    }
  })

  test('strike a worker, the process that it is forked of, and both', () => {
    const chance = new Chance(6)
    const targets = Array.from({ length: 200 }, () => drawWorkerStrike(chance).target)
    expect(new Set(targets)).toEqual(new Set(['worker', ...serverFaults]))
    expect(targets.filter(target => target === 'worker').length).toBeGreaterThan(160)
  })

  test('are armed by text', () => {
    expect(
      failpointText([null, { name: 'send', side: 'after', hit: 3 }, { name: 'w.run', side: 'before', hit: 9 }]),
    ).toBe('send:after:3,w.run:before:9')
  })
})
