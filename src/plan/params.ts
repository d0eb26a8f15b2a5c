/** Parameters from outside: `--set limit=6`, read by the type of the value that the job declares. */
import { type PlanFault, PlanError } from '../base/index.js'
import { suggest } from './faults.js'
import { frozen } from './frozen.js'
import { type ParamValue, type Plan } from './nodes.js'

/** The plan with these parameters, each `name=value`. Throws a PlanError (ANB1014) that lists all that do not fit. */
export function withParams(plan: Plan, sets: readonly string[]): Plan {
  const params: Record<string, ParamValue> = { ...plan.params }
  const faults: PlanFault[] = []
  for (const set of sets) {
    const at = set.indexOf('=')
    const name = at < 0 ? set : set.slice(0, at)
    const fault = (message: string, hint: string): void =>
      void faults.push({ code: 'ANB1014', message, place: `--set ${set}`, hint })
    const before = Object.hasOwn(plan.params, name) ? plan.params[name] : undefined
    if (at < 0) fault(`--set takes name=value, but got "${set}"`, 'write --set limit=6')
    else if (before === undefined) {
      fault(`job "${plan.job}" has no parameter "${name}"`, suggest(name, Object.keys(plan.params), 'parameters'))
    } else {
      const text = set.slice(at + 1)
      const value = readAs(before, text)
      const rounded = typeof value === 'string' ? null : roundedIn(text)
      if (value === undefined)
        fault(
          `parameter "${name}" must be ${kindOf(before)}, but got "${text}"`,
          `its value in the job is ${JSON.stringify(before)}`,
        )
      else if (rounded !== null)
        fault(
          `parameter "${name}" would lose digits: ${rounded} becomes ${String(Number(rounded))}`,
          `make it a text in the job, ${name}: '...', and write int(...) in Python`,
        )
      else params[name] = value
    }
  }
  if (faults.length > 0) throw new PlanError('ANB1014', 'parameters do not fit the job', { faults })
  return frozen<Plan>({ ...plan, params })
}

/** The text as a value of the same kind; undefined where it is not one. A default of null takes any JSON, else text. */
function readAs(before: ParamValue, text: string): ParamValue | undefined {
  if (typeof before === 'string') return text
  if (typeof before === 'number') {
    const value = Number(text)
    return text.trim() !== '' && Number.isFinite(value) ? value : undefined
  }
  if (typeof before === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  const value = parsed(text)
  if (before === null) return value ?? (text === 'null' ? null : text)
  return typeof value === 'object' && value !== null && Array.isArray(value) === Array.isArray(before)
    ? value
    : undefined
}

/** The first whole number that is no longer itself as a JavaScript number; null where there is none. */
function roundedIn(text: string): string | null {
  const numbers = text.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi) ?? []
  const isWhole = (number: string): boolean => /^-?\d+$/.test(number)
  return numbers.find(number => isWhole(number) && !isExact(number)) ?? null
}

/** JSON carries the digits that JavaScript shows, which beyond 2^53 are the nearest, not the number's own. */
const isExact = (number: string): boolean => BigInt(number) === 0n || String(Number(number)) === String(BigInt(number))

function parsed(text: string): ParamValue | undefined {
  try {
    return JSON.parse(text) as ParamValue
  } catch {
    return undefined
  }
}

function kindOf(value: ParamValue): string {
  if (typeof value === 'boolean') return 'true or false'
  if (typeof value === 'object') return Array.isArray(value) ? 'a JSON list' : 'a JSON object'
  return `a ${typeof value}`
}
