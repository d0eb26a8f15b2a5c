/**
 * `npm run bench [-- --json] [NAME ...]`: each figure is a ratio to the bare Python function of the same run, with its
 * inputs in memory, warm, in batches of 8,192 rows. Job and baseline alternate; medians are printed with their spread.
 * A figure whose count or check value is wrong is no figure: the run fails.
 *
 * The rate of a job is rows over the seconds from the first poll to the last sink. Starting workers and checking
 * inputs is not in it; it is printed beside it.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Bench, benches } from './table.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, '.cache', 'bench')
const python = join(root, '.venv', 'bin', 'python')
const pythonEnv = { ...process.env, PYTHONPATH: [join(root, 'python'), join(root, 'test', 'bench')].join(':') }
const rounds = 3

interface Measured {
  readonly rowsPerSecond: number
  readonly cpuSeconds: number
  readonly startSeconds: number
  readonly checksum: number
}

const asJson = process.argv.includes('--json')
const names = process.argv.slice(2).filter(a => !a.startsWith('--'))
const chosen = benches.filter(b => names.length === 0 || names.some(n => b.name.startsWith(n)))
if (chosen.length === 0) throw new Error(`expected a name that a benchmark begins with, got ${names.join(', ')}`)

mkdirSync(folder, { recursive: true })
const inputs = [...new Set(chosen.map(b => b.input))].filter(name => !existsSync(join(folder, name)))
if (inputs.length > 0)
  execFileSync(python, [join(root, 'test/bench/inputs.py'), folder, ...inputs], { stdio: 'inherit' })

function report(bench: Bench): boolean {
  const jobs: Measured[] = []
  const bares: Measured[] = []
  for (let i = 0; i < rounds; i += 1) {
    bares.push(baseline(bench))
    jobs.push(job(bench))
  }
  const value = median(jobs.map(m => m.rowsPerSecond))
  const bare = median(bares.map(m => m.rowsPerSecond))
  const ratio = value / bare
  const right = jobs.every(m => bench.check === null || close(m.checksum, bench.check))
  const line = {
    name: bench.name,
    value: Math.round(value),
    unit: 'rows/s',
    baseline: Math.round(bare),
    ratio: Number(ratio.toFixed(3)),
    target: bench.target,
    met: right && ratio >= bench.target,
    spread: Number(spread(jobs.map(m => m.rowsPerSecond)).toFixed(2)),
    checksum: jobs[0]?.checksum ?? null,
    right,
    mbPerSecond: Math.round((value * bench.bytesPerRow) / 1e6),
    cpuSeconds: Number(median(jobs.map(m => m.cpuSeconds)).toFixed(2)),
    startSeconds: Number(median(jobs.map(m => m.startSeconds)).toFixed(2)),
  }
  if (asJson) process.stdout.write(`${JSON.stringify(line)}\n`)
  else {
    const verdict = right ? (line.met ? 'met' : 'missed') : 'WRONG RESULT'
    process.stdout.write(
      `${bench.name.padEnd(30)} ${(value / 1e6).toFixed(2).padStart(8)} M rows/s  bare ${(bare / 1e6).toFixed(2).padStart(8)}` +
        `  ratio ${ratio.toFixed(2)} of ${bench.target} ${verdict}  spread ${line.spread}  ${line.mbPerSecond} MB/s  cpu ${line.cpuSeconds} s  start ${line.startSeconds} s\n`,
    )
  }
  return right
}

/** A whole process tree, with its CPU seconds: the wrapper reads them of all that were reaped below it. */
const timedTree = `
import json, resource, subprocess, sys
run = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
out = run.stdout.decode().strip().splitlines()
print(json.dumps({"code": run.returncode, "cpu": used.ru_utime + used.ru_stime, "last": out[-1] if out else "", "err": run.stderr.decode()[-2000:]}))
`

function job(bench: Bench): Measured {
  const cli = join(root, 'dist', 'cli', 'main.js')
  const out = join(folder, 'out')
  const args = [cli, 'run', join(root, 'test/bench/job.ts'), '--json', '--workers', String(bench.workers), '--out', out]
  const env = { ...process.env, ANABRANCH_BENCH: bench.job }
  const ran = spawnSync(python, ['-c', timedTree, process.execPath, ...args], { env, encoding: 'utf8' })
  const tree: { code: number; cpu: number; last: string; err: string } = JSON.parse(ran.stdout)
  if (tree.code !== 0) throw new Error(`${bench.name} ended with ${tree.code}:\n${tree.err}`)
  const json: {
    rows_in: number
    rows_out: number
    seconds: number
    flow_seconds: number
    checksums: Record<string, number>
  } = JSON.parse(tree.last)
  if (json.rows_in !== bench.rows || json.rows_out !== bench.rows)
    throw new Error(`${bench.name}: expected ${bench.rows} rows in and out, got ${json.rows_in} and ${json.rows_out}`)
  return {
    rowsPerSecond: json.rows_in / json.flow_seconds,
    cpuSeconds: tree.cpu,
    startSeconds: json.seconds - json.flow_seconds,
    checksum: Object.values(json.checksums)[0] ?? Number.NaN,
  }
}

function baseline(bench: Bench): Measured {
  const text = execFileSync(python, [join(root, 'test/bench/baseline.py'), folder, bench.baseline], {
    env: pythonEnv,
    encoding: 'utf8',
  })
  const json: { rows: number; seconds: number; check: number } = JSON.parse(text)
  return { rowsPerSecond: json.rows / json.seconds, cpuSeconds: json.seconds, startSeconds: 0, checksum: json.check }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

/** Largest over smallest. */
const spread = (values: readonly number[]): number => Math.max(...values) / Math.min(...values)
/** Sums are added up in another order than the check value's. */
const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))

let failed = false
for (const bench of chosen) failed = !report(bench) || failed
process.exitCode = failed ? 1 : 0
