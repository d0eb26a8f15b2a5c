/** `anabranch run JOB.ts`: runs a job to its end. stdout has data only: with --json the result as the last line. */
import { resolve } from 'node:path'
import { AnabranchError, type Observer } from '../base/index.js'
import { refuseFaults, withParams } from '../plan/index.js'
import { type RunResult, openWorld, runJob } from '../runtime/index.js'
import { count, exitCodes, onlyPositional, parse } from './command.js'
import { loadJob } from './load-job.js'
import { projectPython } from './python.js'
import { progressLine } from './progress.js'
import { summary } from './summary.js'

const usage = `usage: anabranch run JOB.ts [--json] [--workers N] [--lanes N] [--batch-rows N] [--set name=value] [--out DIR]

  --json          the result as one JSON object, the last line of stdout
  --workers N     most Python workers; default min(cores, 8), started on demand
  --lanes N       slices of the keys that are worked on side by side; default 4 a worker
  --batch-rows N  most rows of one call; default 32,768
  --set name=value  a parameter of the job; can be given several times
  --out DIR       folder of the outputs; default ./out/JOB
`

const options = {
  json: { type: 'boolean' },
  workers: { type: 'string' },
  lanes: { type: 'string' },
  'batch-rows': { type: 'string' },
  set: { type: 'string', multiple: true },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, usage)
  if (values.help === true) {
    process.stdout.write(usage)
    return exitCodes.done
  }
  const file = onlyPositional(positionals, 'job file', usage)
  const numbers = {
    workers: count(values.workers, 'workers'),
    lanes: count(values.lanes, 'lanes'),
    batchRows: count(values['batch-rows'], 'batch-rows'),
  }
  const loaded = await loadJob(file)
  refuseFaults(loaded.plan.job, loaded.faults)
  const plan = withParams(loaded.plan, values.set ?? [])
  const out = resolve(values.out ?? `out/${plan.job}`)
  const signals = watchSignals()
  const progress = progressLine(process.stderr, process.env)
  try {
    const python = await pythonFor(plan.folder)
    const result = await runJob(plan, {
      out,
      ...numbers,
      python,
      observer: logTo(line => progress.above(line)),
      onProgress: p => progress.show(p),
      signal: signals,
    })
    progress.clear()
    process.stderr.write(summary(plan.job, out, result, process.stderr.isTTY === true))
    if (values.json === true) process.stdout.write(`${JSON.stringify(resultJson(result))}\n`)
    return signals.code() ?? exitCodes.done
  } catch (error) {
    progress.clear()
    const code = signals.code()
    if (code === null || !(error instanceof AnabranchError) || !signals.second.aborted) throw error
    process.stderr.write(`${error.render()}\n`)
    return code
  } finally {
    signals.close()
  }
}

/** Looking for Python needs a world of its own, since the run's begins with the lock. */
async function pythonFor(folder: string): Promise<string> {
  const world = openWorld()
  try {
    return await projectPython(folder, world)
  } finally {
    await world.close()
  }
}

const resultJson = (result: RunResult): Readonly<Record<string, unknown>> => ({
  rows_in: result.rowsIn,
  rows_out: result.rowsOut,
  rows_dead: result.rowsDead,
  seconds: result.seconds,
  outputs: result.outputs,
  dead_by_reason: result.deadByReason,
  flow_seconds: result.flowSeconds,
  checksums: result.checksums,
  counters: result.counters,
})

function logTo(write: (line: string) => void): Observer {
  return {
    count: () => undefined,
    log(level, message, fields = {}) {
      if (level === 'debug') return
      const who = fields['worker'] === undefined ? '' : ` worker ${String(fields['worker'])}`
      const at = fields['file'] === undefined || fields['file'] === '' ? '' : ` (${String(fields['file'])}:${String(fields['line'])})`
      write(`${level}${who}: ${message}${at}`)
    },
  }
}

/** The first Ctrl-C or SIGTERM drains, the second stops. */
function watchSignals(): { first: AbortSignal; second: AbortSignal; code: () => number | null; close: () => void } {
  const first = new AbortController()
  const second = new AbortController()
  let code: number | null = null
  const on = (signal: 'SIGINT' | 'SIGTERM'): void => {
    code = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated
    if (first.signal.aborted) second.abort()
    else first.abort()
  }
  process.on('SIGINT', on)
  process.on('SIGTERM', on)
  const close = (): void => {
    process.off('SIGINT', on)
    process.off('SIGTERM', on)
  }
  return { first: first.signal, second: second.signal, code: () => code, close }
}
