/** Names of tests: when one begins with what was asked for, and how pytest spells the same name. */

/** `W1` begins "W1 a kill" and not "W10 a leak"; letters may go on, so `a wor` begins "a worker". Case does not matter. */
export function beginsWith(name: string, asked: string): boolean {
  if (!name.toLowerCase().startsWith(asked.toLowerCase())) return false
  return !/\d$/.test(asked) || !/^\d/.test(name.slice(asked.length))
}

/** `W6 a hang` is `test_w6_a_hang` there. */
export function pytestName(asked: string): string {
  return `test_${asked
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')}`
}
