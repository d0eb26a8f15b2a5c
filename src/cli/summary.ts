/** What a person wants to read at the end of a run. */
import { relative } from 'node:path'
import { type RunResult } from '../runtime/index.js'
import { number } from './progress.js'

export function summary(job: string, out: string, result: RunResult, _terminal: boolean): string {
  const rate = result.seconds > 0 ? Math.round(result.rowsIn / result.seconds) : 0
  const lines = [
    '',
    `${job}: ${result.drained ? 'drained' : 'done'} in ${result.seconds.toFixed(1)} s, ${number(rate)} rows/s`,
    row('rows in', result.rowsIn),
    row('rows out', result.rowsOut),
    row('rows dead', result.rowsDead),
    ...reasons(result.deadByReason),
  ]
  const here = (path: string): string => (path.startsWith('/') ? relative(process.cwd(), path) || '.' : path)
  for (const output of result.outputs) lines.push(`  ${number(output.rows).padStart(14)}  rows in ${here(output.path) || output.sink}`)
  if (result.rowsDead > 0) lines.push(`  ${''.padStart(14)}  dead letters in ${here(`${out}/dead-letters`)}`)
  return `${lines.join('\n')}\n`
}

const row = (name: string, n: number): string => `  ${number(n).padStart(14)}  ${name}`

function reasons(dead: Readonly<Record<string, number>>): readonly string[] {
  const all = Object.entries(dead).sort((a, b) => b[1] - a[1])
  const shown = all.slice(0, 8).map(([reason, n]) => `  ${number(n).padStart(14)}    ${reason}`)
  return all.length > 8 ? [...shown, `  ${''.padStart(14)}    and ${all.length - 8} other reasons`] : shown
}
