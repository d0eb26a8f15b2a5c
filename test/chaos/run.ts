/**
 * `npm run chaos`: the flights example again and again, while its workers are killed and stopped at random moments; what
 * comes out must be what comes out in peace. `-- --rounds N` (3 unless given) and `--seed N` repeat a run: the seed fixes
 * what is struck and when, though not where a worker is at that moment. Exit code 1 where a round differs.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Ended, startCli } from '../support/cli.js'
import { repository } from '../support/repository.js'

/** One number in [0, 1) after the other, the same for a seed (mulberry32). */
function chances(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Answers false where the process was gone already. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function workersOf(out: string): readonly number[] {
  try {
    const { workers }: { workers: readonly number[] } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))
    return workers
  } catch {
    return []
  }
}

/** Strikes until the run has ended; answers how often. */
async function strike(out: string, chance: () => number, ended: Promise<Ended>): Promise<number> {
  let strikes = 0
  let running = true
  void ended.then(() => {
    running = false
  })
  while (running) {
    await pause(200 + chance() * 1500)
    const pids = workersOf(out)
    const pid = pids[Math.floor(chance() * pids.length)]
    const stops = chance() < 0.3
    const ms = 300 + chance() * 2000
    if (pid === undefined || !running || !signal(pid, stops ? 'SIGSTOP' : 'SIGKILL')) continue
    strikes += 1
    if (stops) void pause(ms).then(() => signal(pid, 'SIGCONT'))
  }
  return strikes
}

interface Round {
  readonly seconds: number
  readonly strikes: number
  /** What a reader can see: the counts, and the airports' rows, which hold a statistic of every flight in its order. */
  readonly seen: string
}

async function round(chance: (() => number) | null): Promise<Round> {
  const out = mkdtempSync(join(tmpdir(), 'anabranch-chaos-'))
  const started = performance.now()
  const run = startCli(['run', 'examples/flights/job.ts', '--json', '--out', out], {
    cwd: repository,
    timeoutMs: 600_000,
  })
  const strikes = chance === null ? 0 : await strike(out, chance, run.ended)
  const ended = await run.ended
  if (ended.code !== 0) throw new Error(`the job ended with ${ended.code ?? ended.signal}:\n${ended.stderr}`)
  const airports = join(out, 'airports')
  const lines = readdirSync(airports).flatMap(name => readFileSync(join(airports, name), 'utf8').split('\n'))
  const rows = createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16)
  const { rows_in, rows_out, rows_dead } = ended.json ?? {}
  rmSync(out, { recursive: true })
  const seen = `${rows_in} in, ${rows_out} out, ${rows_dead} dead, airports ${rows}`
  return { seconds: (performance.now() - started) / 1000, strikes, seen }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } })
  const rounds = Number(values.rounds ?? 3)
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const chance = chances(seed)
  const peace = await round(null)
  console.log(`in peace: ${peace.seen} (${peace.seconds.toFixed(1)} s)`)
  for (let i = 1; i <= rounds; i += 1) {
    const { seen, strikes, seconds } = await round(chance)
    const same = seen === peace.seen
    console.log(`round ${i}: ${strikes} strikes, ${same ? 'the same' : `DIFFERENT: ${seen}`} (${seconds.toFixed(1)} s)`)
    if (same && strikes > 0) continue
    console.log(`again: npm run chaos -- --rounds ${i} --seed ${seed}`)
    process.exitCode = 1
  }
}

await main()
