/** Progress: one line that is written over on a terminal, one line each ten seconds elsewhere. */
import { type Progress } from '../runtime/index.js'

export interface ProgressLine {
  show(progress: Progress): void
  /** A line of the log, above the progress. */
  above(line: string): void
  clear(): void
}

const everyMs = 10_000
const barWidth = 24

export function progressLine(
  to: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): ProgressLine {
  const live = to.isTTY === true && env['TERM'] !== 'dumb'
  let shown = ''
  let nextMs = everyMs
  const clear = (): void => {
    if (shown !== '') to.write('\r\u001b[2K')
    shown = ''
  }
  return {
    clear,
    above(line) {
      const again = shown
      clear()
      to.write(`${line}\n`)
      if (again !== '') to.write(again)
      shown = again
    },
    show(progress) {
      if (live) {
        clear()
        shown = text(progress, to.columns ?? 80, env['NO_COLOR'] === undefined)
        to.write(shown)
      } else if (progress.seconds * 1_000 >= nextMs) {
        nextMs = (Math.floor(progress.seconds / 10) + 1) * everyMs
        to.write(`${text(progress, 200, false)}\n`)
      }
    },
  }
}

function text(p: Progress, width: number, colour: boolean): string {
  const rate = p.seconds > 0 ? Math.round(p.rowsIn / p.seconds) : 0
  const share = p.done === null ? '' : `${(p.done * 100).toFixed(0).padStart(3)} % `
  const dead = p.rowsDead > 0 ? `, ${number(p.rowsDead)} dead` : ''
  const facts = `${number(p.rowsIn)} rows in, ${number(p.rowsOut)} out${dead}, ${number(rate)} rows/s, ${p.workers} worker${p.workers === 1 ? '' : 's'}`
  const drawn = p.done === null ? '' : `${bar(p.done)} `
  const line = `${drawn}${share}${facts}`.slice(0, width - 1)
  return colour ? line.replace(/^[█░]+/, found => `\u001b[36m${found}\u001b[0m`) : line
}

const bar = (share: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth)
  return '█'.repeat(full) + '░'.repeat(barWidth - full)
}

export const number = (n: number): string => n.toLocaleString('en')
