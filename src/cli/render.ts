/** How an error reads: the user's line first, then the code with one line, details, and what to do now. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AnabranchError, PlanError, type PlanFault } from '../base/index.js'
import { ownLine } from './own-line.js'

/** Several lines, without a final newline. `folder` is that of the job file, where places are looked up. */
export function renderError(error: unknown, folder: string | null): string {
  if (error instanceof PlanError && error.faults.length > 0) {
    const list = error.faults.map(fault => renderFault(fault, folder)).join('\n\n')
    return `${list}\n\n${error.code} ${error.message}; nothing was started`
  }
  if (error instanceof AnabranchError) {
    const own = ownLine(error.detail)
    return own === null ? error.render() : `${own}\n${error.render()}`
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `${stack}\nthis is a mistake of anabranch itself: please report it with the lines above`
}

function renderFault(fault: PlanFault, folder: string | null): string {
  const [place = '', ...rest] = fault.place.split(', ')
  const code = codeLine(place, folder)
  const head = code === null ? fault.place : `${place}  ${code}`
  const at = code !== null && rest.length > 0 ? `\n  at:     ${rest.join(', ')}` : ''
  return `${head}\n${fault.code} ${fault.message}${at}\n  hint:   ${fault.hint.replaceAll('\n', '\n          ')}`
}

/** The line of the user's file that `job.ts:18` names. */
function codeLine(place: string, folder: string | null): string | null {
  const found = /^(.+):(\d+)$/.exec(place)
  if (folder === null || found?.[1] === undefined) return null
  try {
    const path = found[1].startsWith('/') ? found[1] : join(folder, found[1])
    const line = readFileSync(path, 'utf8').split('\n')[Number(found[2]) - 1]
    return line === undefined ? null : line.trim().slice(0, 160)
  } catch {
    return null
  }
}

const csi = '\u001b['

/** For a terminal: codes stand out, and the words before a colon stand back. */
export function colored(text: string): string {
  return text
    .replace(/^ANB\d{4}/gm, code => `${csi}1;31m${code}${csi}0m`)
    .replace(/^ +(detail|hint|at): +/gm, label => `${csi}2m${label}${csi}0m`)
}

/** The same as data, for `--json`. */
export function errorJson(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof AnabranchError)) return { class: 'InternalError', message: String(error) }
  return { ...error.json, ...(error instanceof PlanError && { faults: error.faults }) }
}
