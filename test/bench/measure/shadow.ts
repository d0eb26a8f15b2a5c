/**
 * What `transform shadow` costs the job that it looks at: rows a second of one run as fast as it goes, with state of a hundred
 * thousand keys and epochs of 1 s, while the code that runs is its own shadow, and in the seconds before; in turn, some times. How
 * many of the rows the shadow took time for stands beside it: it has one worker of low priority.
 */
import { askShadow, askStatus } from '../../../src/control/index.js'
import { type ShadowReport } from '../../../src/runtime/index.js'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, median, rounded, spreadOf } from '../figure.js'
import { countsOf, inFolder, startJob } from '../run-job.js'

const keys = 100_000
const roundsMax = 4
/** The worker comes up, and rows flow at their pace. */
const peaceMs = 4_000
const windowMs = 5_000
/** A shadow's worker takes this to come up, and the shadow lasts as much longer than the window. */
const startMs = 2_000
const secondsARound = (2 * windowMs + 3 * startMs) / 1_000

export const shadowBench: Bench = {
  name: 'SHADOW beside the running code',
  inputs: [],
  measure,
  once: null,
}

interface Looked {
  readonly without: readonly number[]
  readonly with: readonly number[]
  readonly reports: readonly ShadowReport[]
}

async function measure({ rounds }: Settings): Promise<readonly Figure[]> {
  const times = Math.min(rounds, roundsMax)
  const { without, with: beside, reports } = await inFolder(out => run(out, times))
  const [value, baseline] = [median(beside), median(without)]
  const [seen, compared] = (['rowsSeen', 'rowsCompared'] as const).map(of =>
    reports.reduce((n, each) => n + each[of], 0),
  )
  const figure: Figure = {
    name: shadowBench.name,
    value: Math.round(value),
    unit: 'rows/s',
    baseline: Math.round(baseline),
    ratio: rounded(value / baseline),
    target: null,
    met: null,
    spread: spreadOf(beside),
    checksum: null,
    wrong: reports.every(({ verdict }) => verdict === 'equal') ? null : 'code differs from itself',
    also: {
      without_spread: spreadOf(without),
      rows_compared: compared ?? 0,
      share_compared: rounded((compared ?? 0) / Math.max(1, seen ?? 0)),
    },
  }
  return [figure]
}

async function run(out: string, times: number): Promise<Looked> {
  const seconds = (peaceMs / 1_000 + times * secondsARound) * 1.1
  const made = { keys, perSecond: null, seconds }
  const job = startJob({ name: 'visits', input: '', into: 'null', workers: 1, epoch: '1s', keys: made }, out)
  const [, looked] = await Promise.all([countsOf('visits', job), look(out, times)])
  return looked
}

async function look(out: string, times: number): Promise<Looked> {
  const looked = { without: [] as number[], with: [] as number[], reports: [] as ShadowReport[] }
  await pause(peaceMs)
  for (let round = 0; round < times; round += 1) {
    looked.without.push(await rateOf(out))
    const [rate, report] = await Promise.all([pause(startMs).then(() => rateOf(out)), shadow(out)])
    looked.with.push(rate)
    looked.reports.push(report)
  }
  return looked
}

/** Rows a second of the next seconds. */
async function rateOf(out: string): Promise<number> {
  const [began, before] = [performance.now(), (await askStatus(out)).rowsIn]
  await pause(windowMs)
  const [ended, after] = [performance.now(), (await askStatus(out)).rowsIn]
  return (1_000 * (after - before)) / (ended - began)
}

/** The code that runs, beside itself. */
const shadow = (out: string): Promise<ShadowReport> =>
  askShadow(out, {
    module: null,
    operator: null,
    epochs: null,
    rows: null,
    seconds: (windowMs + 2 * startMs) / 1_000,
    tolerance: null,
  })

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
