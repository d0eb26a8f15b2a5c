/** Progress of a run: a bar on a terminal, lines elsewhere. Pure: it is told the progress and what stands on the screen. */
import { type Progress } from '../runtime/index.js'

const lineEveryMs = 10_000
const quietLineEveryMs = 60_000

/** Where lines stay: one every 10 s, and one a minute while nothing comes. */
export function isWorthALine(now: Progress, before: Progress | null): boolean {
  const ms = (now.seconds - (before?.seconds ?? 0)) * 1_000
  const quiet = before !== null && now.rowsIn === before.rowsIn && now.rowsDead === before.rowsDead
  return ms >= (quiet ? quietLineEveryMs : lineEveryMs)
}

const units: readonly (readonly [number, string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** `12.3 M`, `999`. */
export function short(value: number): string {
  const unit = units.find(([size]) => value >= size)
  return unit === undefined ? String(Math.round(value)) : `${(value / unit[0]).toFixed(1)} ${unit[1]}`
}

/** `3,000,000`. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US')

/** `1 row`, `3,000 rows`. */
export const counted = (count: number, what: string): string => `${whole(count)} ${what}${count === 1 ? '' : 's'}`

/** `42 s`, `3 min 5 s`, `2 h 3 min`. */
export function time(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** One line that fits `columns`. */
export function progressLine(progress: Progress, columns: number): string {
  const { done, seconds, rowsIn, rowsDead, rowsPerSecond, workers } = progress
  const parts = [`${short(rowsIn)} rows`, `${short(rowsPerSecond)} rows/s`, time(seconds)]
  if (rowsDead > 0) parts.push(`${short(rowsDead)} dead`)
  if (workers > 0) parts.push(`${workers} ${workers === 1 ? 'worker' : 'workers'}`)
  if (done !== null && done > 0.02 && done < 1) parts.push(`${time((seconds * (1 - done)) / done)} left`)
  const text = parts.join('  ')
  if (done === null) return text
  const percent = `${String(Math.floor(done * 100)).padStart(3)} %`
  const width = Math.min(30, columns - text.length - percent.length - 6)
  if (width < 5) return `${percent}  ${text}`
  const full = Math.round(Math.min(1, Math.max(0, done)) * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${percent}  ${text}`
}
