/**
 * The text format of Prometheus, version 0.0.4. By hand, since it is a page of rules and all values are counted elsewhere: a client
 * library would keep each of them a second time, and the one for Node has had no release for two years.
 */
export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

export interface Family {
  /** With its base unit; a counter ends in `_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/** A family without samples is left out. `labels` stand in all of them. */
export function exposition(families: readonly (readonly [Family, readonly Sample[]])[], labels: Labels): string {
  return families
    .flatMap(([family, samples]) => (samples.length === 0 ? [] : linesOf(family, samples, labels)))
    .join('')
}

function linesOf({ name, type, help }: Family, samples: readonly Sample[], labels: Labels): readonly string[] {
  return [
    `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n`,
    `# TYPE ${name} ${type}\n`,
    ...samples.map(sample => `${name}{${pairs({ ...labels, ...sample.labels })}} ${sample.value}\n`),
  ]
}

const pairs = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')

const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
