/** A record of an epoch of a job that has nothing but state. */
import { type EpochRecord } from '../../src/checkpoint/index.js'

export const emptyRecord = (of: Pick<EpochRecord, 'lineage' | 'epoch' | 'begun'>): EpochRecord => ({
  version: 1,
  job: 'counts',
  wallMs: 1,
  sources: {},
  sinks: {},
  letters: null,
  captures: null,
  lastCalls: [],
  ledger: { rowsIn: 0, rowsDead: 0, deadByReason: {} },
  checks: {},
  code: {},
  swapped: {},
  plan: { keyGroups: 16, sources: {}, sinks: {} },
  watermarks: {},
  timers: {},
  ...of,
})
