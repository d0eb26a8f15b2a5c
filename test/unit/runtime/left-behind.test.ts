/** State that a job has no operator for: what a refusal says of it costs no look at a row. */
import { expect, test } from 'vitest'
import { type Base } from '../../../src/checkpoint/index.js'
import { leftBehind } from '../../../src/runtime/open/restore-state.js'
import { KeyDigest } from '../../../src/state/index.js'
import { topologyOf } from '../../support/topology.js'
import { countsByUser } from '../state/rows-of-state.js'

test('the keys of state that has no operator any more are told as they were counted when it was written', async () => {
  const counted = new KeyDigest(countsByUser.keyGroups)
  counted.keys[3] = 7
  counted.keys[5] = 35
  const reading = () => Promise.reject(new Error('a row was read'))
  const base: Pick<Base, 'operators' | 'digests' | 'restore'> = {
    operators: [{ operator: 'counts', form: countsByUser, rows: 42 }],
    digests: new Map([['counts', counted]]),
    restore: reading,
  }
  const topology = topologyOf([], { source: [['user', 'utf8']], key: 'user', nullKeys: 'dead-letter' })
  await expect(leftBehind(base, topology, [])).rejects.toMatchObject({
    code: 'ANB6018',
    message: 'there is state of operator "counts" with 42 keys, and the job has no keyed operator of that id',
  })
})
