/** `anabranch transform swap`: other Python code for a running job. */
import { resolve } from 'node:path'
import { askSwap } from '../control/index.js'
import { type SwapReport } from '../runtime/index.js'
import { type Command, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { counted } from './progress.js'

export const transform: Command = {
  name: 'transform',
  usage: 'transform swap [DIR or JOB.ts] [--module FILE.py] [--operator ID] [--max-errors PERCENT] [--json]',
  summary:
    'replace the Python code of a running job between two epochs, with its state kept; the first epoch is a trial',
  options: [
    jobLine,
    '--module FILE.py   the new code; default: what the file of the running code holds now',
    '--operator ID      only this operator; default: all with a function of the module',
    '--max-errors 1%    most of the first epoch that may fail before the new code is thrown away; default: 1%',
    '--json             one JSON object: kept why rows dead dead_by_reason paused_ms',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(transform, args, {
      module: { type: 'string' },
      operator: { type: 'string' },
      'max-errors': { type: 'string' },
      json: { type: 'boolean' },
    })
    const [verb, ...words] = positionals
    if (verb !== 'swap') throw usageError(transform, `transform takes swap, but got ${verb ?? 'nothing'}`)
    const out = await outOf(transform, words)
    const report = await askSwap(out, {
      module: values.module === undefined ? null : resolve(values.module),
      operator: values.operator ?? null,
      maxErrors: shareOf(values['max-errors']),
    })
    if (values.json === true) terminal.out(JSON.stringify(reportJson(report)))
    else terminal.err(reportText(report))
    return report.kept ? exitCodes.done : exitCodes.failed
  },
}

function shareOf(given: string | undefined): number | null {
  if (given === undefined) return null
  const percent = /^(\d{1,3}(?:[.]\d{1,6})?)\s*%$/.exec(given)?.[1]
  const share = percent === undefined ? Number.NaN : Number(percent) / 100
  if (share >= 0 && share <= 1) return share
  throw usageError(transform, `--max-errors must be a part such as 0.5%, but it is "${given}"`)
}

/** Reasons are no names of ours, and stay as they are. */
const reportJson = ({ kept, why, rows, dead, deadByReason, pausedMs }: SwapReport): object => ({
  kept,
  why,
  rows,
  dead,
  dead_by_reason: deadByReason,
  paused_ms: pausedMs,
})

/** Several lines, no final newline. */
export function reportText({ kept, why, rows, dead, deadByReason, pausedMs }: SwapReport): string {
  const reasons = Object.entries(deadByReason).map(([reason, count]) => `  ${counted(count, 'row')}: ${reason}`)
  const trial = `${counted(rows, 'row')} of its first epoch, ${dead} dead; rows stood still for ${Math.round(pausedMs)} ms`
  if (kept) return [`the new code runs: ${trial}`, ...reasons].join('\n')
  const said = why === null ? [] : [`  ${why.code} ${why.message}`]
  return [`the new code was thrown away, the old one goes on with the same rows: ${trial}`, ...said, ...reasons].join(
    '\n',
  )
}
