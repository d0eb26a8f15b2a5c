/**
 * How long a row takes until a reader of the folder sees it: epochs of 100 ms, files that roll as often, rows on a fixed schedule.
 *
 * The source is a live socket, since a file that is followed is looked at four times a second, which is longer than what is measured. A row
 * is visible when its file stands in the folder; a reader looks for the next one each millisecond and hands its bytes to the load,
 * which notes when each row came. Beside it the bare echo, which shows what the load itself takes.
 */
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, quantile, rounded } from '../figure.js'
import { type Subject, echo, underLoad } from '../live.js'
import { type Asked, type Counts, countsOf, startJob } from '../run-job.js'
import { type Rate, lasting, latencies, wrongRows } from './latency.js'

const lookMs = 1

export const visibleBench = (rate: Rate): Bench => ({
  name: `EO latency ${rate.name} rows/s`,
  inputs: [],
  measure: settings => measure(rate, settings),
  once: null,
})

async function measure(rate: Rate, { seconds }: Settings): Promise<readonly Figure[]> {
  const { returned: bare } = await underLoad(lasting(rate, seconds), echo)
  const { returned, subject: counts } = await underLoad(lasting(rate, seconds), throughFiles)
  const [ours, theirs] = [latencies(returned), latencies(bare)]
  const wrong = wrongRows(returned)
  return ([0.5, 0.99] as const).map((share): Figure => {
    const p = share === 0.5 ? 'p50' : 'p99'
    return {
      name: `EO latency ${rate.name} rows/s ${p}`,
      value: rounded(quantile(ours, share), 1),
      unit: 'ms',
      baseline: rounded(quantile(theirs, share), 1),
      ratio: null,
      target: null,
      met: null,
      spread: null,
      checksum: returned.lines.length,
      wrong,
      also: {
        max_ms: rounded(quantile(ours, 1), 1),
        epochs: counts.epochs?.count ?? 0,
        cut_p99_ms: rounded(counts.epochs?.cut_ms_p99 ?? Number.NaN, 1),
      },
    }
  })
}

const throughFiles: Subject<Counts> = async folder => {
  const out = `${folder}/out`
  const asked: Asked = { name: 'visible', input: folder, into: 'null', workers: 1, epoch: '100ms' }
  const counts = countsOf('visible', startJob(asked, out))
  const load = connect(join(folder, 'out.sock'))
  let part = 0
  const look = (): void => {
    for (;;) {
      const path = join(out, 'rows', `part-${String(part).padStart(5, '0')}.jsonl`)
      if (!existsSync(path)) return
      load.write(readFileSync(path))
      part += 1
    }
  }
  const timer = setInterval(look, lookMs)
  try {
    const ended = await counts
    look()
    return ended
  } finally {
    clearInterval(timer)
    load.end()
  }
}
