/**
 * One row at a time through one Python transform, from socket to socket, in an open loop: latency counts from when the
 * row was due, so that a row which a stall kept from being sent is late too. Beside it a bare echo of two processes over
 * the same sockets at the same rate, in the same run.
 */
import { type Bench, type Settings } from '../bench.js'
import { type Figure, quantile, rounded } from '../figure.js'
import { type Load, type Returned, echo, underLoad } from '../live.js'
import { type Asked, countsOf, startJob } from '../run-job.js'
import { type TreeUse, watchTree } from '../tree.js'

/** Just-in-time compilers and the warm spare come to rest; those rows are not counted. */
const warmSeconds = 2
const limits = { p50: { job: 0.7, echo: 0.1 }, p99: { job: 4, echo: 1 } } as const
const profiledSeconds = 10

export interface Rate {
  readonly name: string
  readonly rowsPerSecond: number
  /** Whether there is a target at this rate. */
  readonly judged: boolean
}

export const latencyBench = (rate: Rate): Bench => ({
  name: `B6 ${rate.name} rows/s`,
  inputs: [],
  measure: settings => measure(rate, settings),
  once: async nodeOptions => {
    await underLoad(lasting(rate, profiledSeconds), folder => throughJob(folder, nodeOptions))
  },
})

async function measure(rate: Rate, { seconds }: Settings): Promise<readonly Figure[]> {
  const { returned: bare } = await underLoad(lasting(rate, seconds), echo)
  const { returned, subject: use } = await underLoad(lasting(rate, seconds), folder => throughJob(folder, ''))
  const wrong = wrongRows(returned)
  const { host, below } = use.cpuSeconds
  const theirs = latencies(bare)
  const ours = latencies(returned)
  return (['p50', 'p99'] as const).map((name): Figure => {
    const share = name === 'p50' ? 0.5 : 0.99
    const [value, baseline] = [quantile(ours, share), quantile(theirs, share)]
    const limit = limits[name]
    return {
      name: `B6 ${rate.name} rows/s ${name}`,
      value: rounded(value),
      unit: 'ms',
      baseline: rounded(baseline),
      ratio: rounded(value / baseline, 2),
      target: rate.judged ? limit.job : null,
      met: rate.judged ? wrong === null && value <= limit.job : null,
      spread: null,
      checksum: returned.lines.length,
      wrong,
      also: {
        // The target holds on a machine that lets the echo be this quick.
        echo_quick_enough: baseline <= limit.echo,
        p999_ms: rounded(quantile(ours, 0.999), 2),
        max_ms: rounded(quantile(ours, 1), 2),
        echo_max_ms: rounded(quantile(theirs, 1), 2),
        host_cpu_s: rounded(host, 1),
        workers_cpu_s: rounded(below, 1),
      },
    }
  })
}

export const lasting = ({ rowsPerSecond }: Rate, seconds: number): Load => ({
  rowsPerSecond,
  seconds: seconds + warmSeconds,
})

async function throughJob(folder: string, nodeOptions: string): Promise<TreeUse> {
  const asked: Asked = { name: 'latency', input: folder, into: 'null', workers: 1 }
  const job = startJob(asked, `${folder}/out`, nodeOptions)
  const tree = watchTree(job.pid, { everyMs: 500, memory: false })
  await countsOf('latency', job)
  return tree.stop()
}

/** Milliseconds from when each row was due until it was back, sorted; without those of the warm-up. */
export function latencies({ at, began, gap, rows }: Returned): Float64Array {
  const first = Math.ceil((warmSeconds * 1e9) / gap)
  const found = new Float64Array(Math.max(0, rows - first))
  for (let i = 0; i < found.length; i += 1)
    found[i] = ((at[first + 1 + i] ?? Number.NaN) - began - (first + i) * gap) / 1e6
  return found.sort()
}

/** Each row comes back once, in its order, with its sum. */
export function wrongRows({ lines, rows }: Returned): string | null {
  if (lines.length !== rows + 1) return `expected ${rows + 1} rows, got ${lines.length}`
  for (const [i, line] of lines.entries()) {
    const { id, a, b, z }: { id: number; a: number; b: number; z: number } = JSON.parse(line)
    if (id !== i || z !== a * 2 + b) return `expected row ${i} with its z, got ${line}`
  }
  return null
}
