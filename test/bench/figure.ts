/** A figure of a benchmark, and how it is printed: one line for people, or one JSON object. */
export interface Figure {
  /** Begins with the row of the table that it belongs to. */
  readonly name: string
  readonly value: number
  readonly unit: 'rows/s' | 'ms' | 's' | 'MB'
  /** The same of the bare work, in the same run; null where there is none. */
  readonly baseline: number | null
  readonly ratio: number | null
  /** What the ratio, or without one the value, should reach. Null: nothing was asked. */
  readonly target: number | null
  readonly met: boolean | null
  /** Largest over smallest of the rounds. */
  readonly spread: number | null
  readonly checksum: number | null
  /** What is wrong with the output; a figure of a wrong output does not count. */
  readonly wrong: string | null
  /** What else is worth knowing, by its name with its unit. */
  readonly also: Readonly<Record<string, number | string | boolean>>
}

/** Rates of a job against those of what it is compared with, which ran in turn. */
export function rateFigure({
  name,
  rates,
  baselines,
  target,
  wrong,
  checksum,
  also,
}: Pick<Figure, 'name' | 'wrong' | 'checksum' | 'also'> & {
  readonly rates: readonly number[]
  readonly baselines: readonly number[]
  readonly target: number
}): Figure {
  const [value, baseline] = [median(rates), median(baselines)]
  return {
    name,
    value: Math.round(value),
    unit: 'rows/s',
    baseline: Math.round(baseline),
    ratio: rounded(value / baseline),
    target,
    met: wrong === null && value / baseline >= target,
    spread: spreadOf(rates),
    checksum,
    wrong,
    also,
  }
}

export function print(figure: Figure, asJson: boolean): void {
  process.stdout.write(asJson ? `${JSON.stringify(jsonOf(figure))}\n` : `${textOf(figure)}\n`)
}

/** The names that everyone reads first, in their order. */
function jsonOf({ wrong, also, ...figure }: Figure): Readonly<Record<string, unknown>> {
  const { name, value, unit, baseline, ratio, target, met, spread, checksum } = figure
  return {
    name,
    value,
    unit,
    baseline,
    ratio,
    target,
    met,
    spread,
    checksum,
    ...(wrong !== null && { wrong }),
    ...also,
  }
}

function textOf(figure: Figure): string {
  const { name, value, unit, baseline, ratio, target, spread } = figure
  const parts = [
    name.padEnd(32),
    `${short(value).padStart(8)} ${unit}`.padEnd(16),
    baseline === null ? '' : `bare ${short(baseline)}`.padEnd(14),
    ratio === null ? '' : `ratio ${ratio.toFixed(2)}`,
    target === null ? '' : `target ${target}`,
    verdict(figure),
    spread === null ? '' : `spread ${spread.toFixed(2)}`,
    ...Object.entries(figure.also).map(([what, is]) => `${what} ${typeof is === 'number' ? short(is) : is}`),
  ]
  return parts.filter(part => part !== '').join('  ')
}

function verdict({ wrong, met }: Figure): string {
  if (wrong !== null) return `WRONG, does not count: ${wrong}`
  return met === null ? '' : met ? 'met' : 'missed'
}

function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(0)} k`
  return String(Number(value.toPrecision(3)))
}

export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits))

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export const spreadOf = (values: readonly number[]): number => rounded(Math.max(...values) / Math.min(...values), 2)

/** Of sorted values: the smallest that `share` of them do not exceed. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
