/**
 * State of which a tenth has room in memory: every key is touched once, and then keys that are drawn, uniformly, as fast as the job takes
 * them. Only those rows are timed.
 *
 * Memory is what cannot be taken from the host (anonymous and shared pages, as Linux counts them), at its peak, less that of
 * the same job with a thousand keys. LevelDB maps its tables, and pages of a mapped file are counted in what `ps` says although
 * the machine takes them back at need: they are printed beside it.
 */
import { readFileSync } from 'node:fs'
import { askStatus } from '../../../src/control/index.js'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, rounded } from '../figure.js'
import { drawn } from '../jobs/keys.js'
import { type Asked, type Counts, countsOf, inFolder, startJob } from '../run-job.js'
import { watchTree } from '../tree.js'
import { runOnce } from './ratio.js'

const name = 'BUDGET of a tenth, uniform keys'
const rowsPerSecondMin = 100_000
/** What a key takes in memory with its four numbers: its entry in a table that is seven tenths full, its own 8 bytes, its key group, its row. */
const bytesPerKey = Math.round(16 / 0.7 + 8 + 2 + 40)
const part = 10
const over = 1.25
const fewKeys = 1_000
const lookMs = 250
const profiledSeconds = 60

const budgetOf = (keys: number): number => Math.round((keys * bytesPerKey) / part)

const askedFor = (keys: number, budget: number, seconds: number | null): Asked => ({
  name: 'visits',
  input: '',
  into: 'null',
  workers: 1,
  epoch: '1s',
  stateBudget: `${budget}B`,
  keys: { keys, uniform: true, perSecond: null, seconds },
})

export const budgetBench: Bench = {
  name,
  inputs: [],
  measure,
  once: nodeOptions => runOnce(askedFor(1_000_000, budgetOf(1_000_000), profiledSeconds), nodeOptions),
}

interface Memory {
  readonly anonymous: number
  readonly mapped: number
}

interface Measured {
  readonly counts: Counts
  readonly peak: Memory
  /** Of the rows behind the first pass. */
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly asked: number
  readonly diskBytes: number
}

async function measure({ keys, seconds }: Settings): Promise<readonly Figure[]> {
  const budget = budgetOf(keys)
  const few = await measured(fewKeys, budget, Math.min(seconds, 20))
  const run = await measured(keys, budget, seconds)
  const { counts, rows, peak } = run
  const { epochs } = counts
  if (epochs === null) throw new Error('expected a run with epochs')
  const wrong = wrongSum(counts, keys)
  const value = rows / run.seconds
  const used = peak.anonymous - few.peak.anonymous
  const mb = (bytes: number): number => rounded(bytes / 1e6, 0)
  const figure: Figure = {
    name,
    value: Math.round(value),
    unit: 'rows/s',
    baseline: null,
    ratio: null,
    target: rowsPerSecondMin,
    met: wrong === null && value >= rowsPerSecondMin && used <= over * budget,
    spread: null,
    checksum: sumOf(counts),
    wrong,
    also: {
      keys,
      rows,
      cpu_us_a_row: rounded((run.cpuSeconds * 1e6) / rows, 2),
      reads_a_row: rounded(run.asked / rows, 3),
      state_mb: mb(keys * bytesPerKey),
      budget_mb: mb(budget),
      memory_mb: mb(used),
      memory_of_budget: rounded(used / budget, 2),
      of_few_keys_mb: mb(few.peak.anonymous),
      mapped_mb: mb(peak.mapped),
      first_pass_rows_per_s: Math.round(keys / (counts.flow_seconds - run.seconds)),
      changed_mb: mb(epochs.bytes_changed),
      written_per_changed: rounded((epochs.bytes_written + epochs.bytes_beyond) / epochs.bytes_changed, 2),
      disk_per_changed: rounded(run.diskBytes / epochs.bytes_changed, 2),
      cut_ms_p99: rounded(epochs.cut_ms_p99 ?? Number.NaN, 1),
    },
  }
  return [figure]
}

/** A run that ends so many seconds behind its first pass. */
function measured(keys: number, budget: number, seconds: number): Promise<Measured> {
  return inFolder(async out => {
    const job = startJob(askedFor(keys, budget, null), out)
    const tree = watchTree(job.pid, { everyMs: 100, memory: false })
    const failed = job.ended.then(({ stderr }) => {
      throw new Error(`the job ended too early:\n${stderr.slice(-4000)}`)
    })
    let peak: Memory = { anonymous: 0, mapped: 0 }
    const look = async () => {
      const status = await Promise.race([askedOnce(out), failed])
      const now = memoryOf(job.pid)
      peak = { anonymous: Math.max(peak.anonymous, now.anonymous), mapped: Math.max(peak.mapped, now.mapped) }
      await new Promise(resolve => setTimeout(resolve, lookMs))
      const asked = status?.stages.reduce((sum, stage) => sum + (stage.beyond?.asked ?? 0), 0) ?? 0
      return { rows: status?.rowsOut ?? 0, asked, atMs: performance.now(), cpu: cpuOf(tree.seen()) }
    }
    try {
      let began = await look()
      while (began.rows < keys) began = await look()
      let last = began
      while (last.atMs - began.atMs < seconds * 1_000) last = await look()
      failed.catch(() => undefined)
      job.child.kill('SIGINT')
      const counts = await countsOf(name, job)
      return {
        counts,
        peak,
        rows: last.rows - began.rows,
        seconds: (last.atMs - began.atMs) / 1_000,
        cpuSeconds: last.cpu - began.cpu,
        asked: last.asked - began.asked,
        diskBytes: tree.stop().diskBytes,
      }
    } finally {
      job.child.kill('SIGKILL')
      tree.stop()
    }
  })
}

const cpuOf = ({ cpuSeconds }: { readonly cpuSeconds: { readonly host: number; readonly below: number } }): number =>
  cpuSeconds.host + cpuSeconds.below

/** null: the job does not listen yet. */
const askedOnce = (out: string) => askStatus(out).catch(() => null)

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (field: string): number =>
    1_024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN)
  return { anonymous: of('RssAnon') + of('RssShmem'), mapped: of('RssFile') }
}

const sumOf = (counts: Counts): number => Object.values(counts.checksums)[0] ?? Number.NaN

/** Each row says which one of its key it is. */
function wrongSum(counts: Counts, keys: number): string | null {
  const seen = new Uint8Array(keys).fill(1)
  let expected = keys
  for (let at = keys; at < counts.rows_out; at += 1) {
    const key = drawn(at, keys)
    const nth = (seen[key] ?? 0) + 1
    seen[key] = nth
    expected += nth
  }
  const found = sumOf(counts)
  return found === expected ? null : `expected the sum ${expected} of ${counts.rows_out} rows, got ${found}`
}
