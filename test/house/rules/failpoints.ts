/**
 * Failpoints are where a test can make a run die: each of the names is called in the code, before and after its step, or
 * the table says what it waits for.
 */
import { type FailpointSide, failpoints } from '../../../src/base/failpoint.js'
import { isEngine, isPython, type Rule, type Source } from './sources.js'

/** Names whose step is not built yet. A name that is called must not stand here. */
export const waiting: Readonly<Record<string, string>> = {
  'timers.fire': 'timers come with event time',
}

const sides: readonly FailpointSide[] = ['before', 'after']

export const failpointsRule: Rule = sources => failpointFaults(sources, waiting)

export function failpointFaults(
  sources: readonly Source[],
  excused: Readonly<Record<string, string>>,
): readonly string[] {
  const called = new Set(sources.filter(isProduct).flatMap(calls))
  return failpoints.flatMap(name => {
    const missing = sides.filter(side => !called.has(`${name} ${side}`))
    if (excused[name] === undefined) return missing.map(side => `failpoint ${name} is not called ${side} its step`)
    return missing.length === 0 ? [`failpoint ${name} is called; take it off the list of those that wait`] : []
  })
}

const isProduct = (source: Source): boolean =>
  (isEngine(source) && !source.path.startsWith('src/testing/')) ||
  (isPython(source) && source.path.startsWith('python/'))

function calls({ text }: Source): readonly string[] {
  const single = [...text.matchAll(/\bfailpoint\(\s*['"]([a-z.]+)['"],\s*['"](before|after)['"]/g)]
  const whole = [...text.matchAll(/\batFailpoint\(\s*'([a-z.]+)'/g)]
  return [
    ...single.map(([, name, side]) => `${name} ${side}`),
    ...whole.flatMap(([, name]) => sides.map(side => `${name} ${side}`)),
  ]
}
