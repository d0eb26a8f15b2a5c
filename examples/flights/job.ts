// Three million flights in, each good one scored and kept, one summary row an airport. Run it: npm start
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

export default scored
  .to(files.sink('flights/', parquet()))
  .side('airports')
  .to(files.sink('airports/', json()))
