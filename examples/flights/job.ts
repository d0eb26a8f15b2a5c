// Three million flights in, each good one scored and kept, one summary row an airport. Run it: npm start
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { files, job, json, parquet } from 'anabranch'
import flights from './transforms.anabranch.js'

// Relative to this file, as every input path is.
const data = '../../node_modules/vega-datasets/data'

const scored = job('flights', { params: { airports: `${data}/airports.csv` } })
  .from(files(`${data}/flights-3m.parquet`, parquet(flights.Flight)))
  .apply(flights.measure)
  .apply(flights.validate)
  .keyBy('origin')
  .apply(flights.score)

export default scored.to(files.sink('flights/', parquet())).side('airports').to(files.sink('airports/', json()))

// What is shown after the run: the busiest airports, read from the files that the run wrote.
const report = fileURLToPath(new URL('report.py', import.meta.url))
export const summary = ({ out, python }: { out: string; python: string }): string =>
  `\n${execFileSync(python, [report, out], { encoding: 'utf8' })}`
