// A model as a stage: it is opened once a worker and asked once a batch. Run it: npx anabranch run examples/model/job.ts
import { arrow, files, job, parquet } from 'anabranch'
import flights from './transforms.anabranch.js'

// Relative to this file, as every input path is.
const data = '../../node_modules/vega-datasets/data/flights-200k.arrow'

export default job('model')
  .from(files(data, arrow(flights.Flight)))
  .apply(flights.predict)
  .to(files.sink('predictions/', parquet()))

// What is shown after the run: how long the model took for a batch.
export const summary = ({ counters }: { counters: Readonly<Record<string, number>> }): string => {
  const calls = Object.entries(counters)
    .flatMap(([name, count]) => [...name.matchAll(/calls of (.+) ms/g)].map(([, ms]) => ({ ms: Number(ms), count })))
    .sort((a, b) => a.ms - b.ms)
  const each = calls.flatMap(({ ms, count }) => Array.from({ length: count }, () => ms))
  const quantile = (part: number): number => each[Math.ceil(part * each.length) - 1] ?? 0
  return `\nmodel: ${each.length} calls, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`
}
