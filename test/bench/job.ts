/**
 * The jobs of the benchmarks. A plan has no switch in it, so the runner names the job in ANABRANCH_BENCH, and this
 * file exports that one.
 */
import { files, job, json, nullSink, parquet, text } from 'anabranch'
import bench from './transforms.anabranch.js'

const data = '../../.cache/bench'
const checked = nullSink({ checksum: 'z' })

const b2 = (name: string) =>
  job(name)
    .from(files(`${data}/${name}.jsonl`, text()))
    .apply(bench.b2)
    .to(nullSink())
const keyed = (name: string, table: string) =>
  job(name)
    .from(files(`${data}/${table}.parquet`, parquet(bench.Event)))
    .keyBy('k')
const j1 = (name: string) =>
  job(name)
    .from(files(`${data}/j1.jsonl`, json(bench.Line)))
    .apply(bench.j1)

const jobs = {
  // Five times the same file: 50 M rows, so that the figure is the steady state and not the start.
  b1: () =>
    job('b1')
      .from(files(`${data}/b1-*.parquet`, parquet(bench.Xy)))
      .apply(bench.b1)
      .select('z')
      .to(checked),
  b1_40: () =>
    job('b1_40')
      .from(files(`${data}/b1.parquet`, parquet(bench.Xy)))
      .apply(bench.b140)
      .select('z')
      .to(checked),
  b2_100: () => b2('b2_100'),
  b2_1k: () => b2('b2_1k'),
  b2_10k: () => b2('b2_10k'),
  b3_scan: () => keyed('b3_scan', 'b3').apply(bench.b3Scan).to(checked),
  b3_rounds: () => keyed('b3_rounds', 'b3').apply(bench.b3Rounds).to(checked),
  b3_row: () => keyed('b3_row', 'b3').apply(bench.b3Row).to(checked),
  b3u_scan: () => keyed('b3u_scan', 'b3u').apply(bench.b3Scan).to(checked),
  b3u_rounds: () => keyed('b3u_rounds', 'b3u').apply(bench.b3Rounds).to(checked),
  b3u_row: () => keyed('b3u_row', 'b3u').apply(bench.b3Row).to(checked),
  j1: () => j1('j1').to(files.sink('j1/', json())),
  j2: () => j1('j2').to(checked),
}

const wanted = process.env['ANABRANCH_BENCH'] ?? ''
const make = Object.entries(jobs).find(([name]) => name === wanted)?.[1]
if (make === undefined)
  throw new Error(`expected ANABRANCH_BENCH to be one of ${Object.keys(jobs).join(', ')}, got "${wanted}"`)
export default make()
