/** `anabranch transform`: other Python code for a running job: `shadow` says what it would do, `swap` puts it in place. */
import { resolve } from 'node:path'
import { askShadow, askSwap } from '../control/index.js'
import { msOf } from '../plan/index.js'
import { type ShadowReport, type SwapReport } from '../runtime/index.js'
import { type Command, type Terminal, usageError, wholeOption, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { jobLine, outOf } from './job-at.js'
import { counted } from './progress.js'
import { shadowJson, shadowText } from './shadow-text.js'

export const transform: Command = {
  name: 'transform',
  usage:
    'transform swap|shadow [DIR or JOB.ts] [--module FILE.py] [--operator ID] [--max-errors PERCENT] [--for TIME] [--rows N] [--epochs N] [--tolerance N] [--json]',
  summary:
    'other Python code for a running job: shadow runs it beside the running one and says what differs, swap puts it in place between two epochs',
  options: [
    jobLine,
    '--module FILE.py   the new code; default: what the file of the running code holds now',
    '--operator ID      only this operator; default: all with a function of the module',
    '--max-errors 1%    swap: most of the first epoch that may fail before the new code is thrown away; default: 1%',
    '--for 30s          shadow: how long, from when the new code is ready; default: 30s',
    '--rows N           shadow: it ends earlier, when so many rows were compared or had failed in the new code',
    '--epochs N         shadow: it ends earlier, when so many epochs ended',
    '--tolerance 1e-9   shadow: part of the larger number by which floats may differ; default: 0',
    '--json             one JSON object; swap: kept why rows dead dead_by_reason paused_ms; shadow: verdict stages and more',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(transform, args, {
      module: { type: 'string' },
      operator: { type: 'string' },
      'max-errors': { type: 'string' },
      for: { type: 'string' },
      rows: { type: 'string' },
      epochs: { type: 'string' },
      tolerance: { type: 'string' },
      json: { type: 'boolean' },
    })
    const [verb = '', ...words] = positionals
    const of = verbs[verb]
    if (of === undefined) throw usageError(transform, `transform takes swap or shadow, but got ${verb || 'nothing'}`)
    for (const name of of.foreign)
      if (values[name] !== undefined) throw usageError(transform, `--${name} is not for transform ${verb}`)
    const out = await outOf(transform, words)
    const module = values.module === undefined ? null : resolve(values.module)
    return of.act({ ...values, out, module, operator: values.operator ?? null }, terminal)
  },
}

interface Asked {
  readonly out: string
  readonly module: string | null
  readonly operator: string | null
  readonly 'max-errors'?: string | undefined
  readonly for?: string | undefined
  readonly rows?: string | undefined
  readonly epochs?: string | undefined
  readonly tolerance?: string | undefined
  readonly json?: boolean | undefined
}

interface Verb {
  /** Options of the other verb. */
  readonly foreign: readonly ('max-errors' | 'for' | 'rows' | 'epochs' | 'tolerance')[]
  act(asked: Asked, terminal: Terminal): Promise<number>
}

const verbs: Readonly<Record<string, Verb>> = {
  swap: { foreign: ['for', 'rows', 'epochs', 'tolerance'], act: swap },
  shadow: { foreign: ['max-errors'], act: shadow },
}

async function swap({ out, module, operator, json, ...asked }: Asked, terminal: Terminal): Promise<number> {
  const report = await askSwap(out, { module, operator, maxErrors: shareOf(asked['max-errors']) })
  if (json === true) terminal.out(JSON.stringify(reportJson(report)))
  else terminal.err(reportText(report))
  return report.kept ? exitCodes.done : exitCodes.failed
}

async function shadow({ out, module, operator, json, ...asked }: Asked, terminal: Terminal): Promise<number> {
  const many = { least: 1, most: 1e15 }
  const report = await askShadow(out, {
    module,
    operator,
    epochs: wholeOption(transform, 'epochs', asked.epochs, many),
    rows: wholeOption(transform, 'rows', asked.rows, many),
    seconds: secondsOf(asked.for),
    tolerance: toleranceOf(asked.tolerance),
  })
  terminal.out(json === true ? JSON.stringify(shadowJson(report)) : shadowText(report))
  return exitCodes[endOf[report.verdict]]
}

const endOf = { equal: 'done', different: 'different', nothing: 'tryAgain' } as const satisfies Record<
  ShadowReport['verdict'],
  keyof typeof exitCodes
>

function secondsOf(given: string | undefined): number | null {
  if (given === undefined) return null
  const ms = msOf(given)
  if (ms !== null && ms > 0) return ms / 1_000
  throw usageError(transform, `--for must be a time such as 30s or 5min, but it is "${given}"`)
}

function toleranceOf(given: string | undefined): number | null {
  if (given === undefined) return null
  const part = given.trim() === '' ? Number.NaN : Number(given)
  if (part >= 0 && part <= 1) return part
  throw usageError(transform, `--tolerance must be a number of 0 to 1 such as 1e-9, but it is "${given}"`)
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
  const tried = rows === 0 ? 'no row came to try it on' : `${counted(rows, 'row')} of its first epoch, ${dead} dead`
  const trial = `${tried}; rows stood still for ${Math.round(pausedMs)} ms`
  if (kept) return [`the new code runs: ${trial}`, ...reasons].join('\n')
  const said = why === null ? [] : [`  ${why.code} ${why.message}`]
  return [`the new code was thrown away, the old one goes on with the same rows: ${trial}`, ...said, ...reasons].join(
    '\n',
  )
}
