/** Functions and jobs in few words, for tests of plans. */
import { type Plan, type PlanContext, type JobLike, files, json, planOf } from '../../../src/plan/index.js'
import { type FunctionLike } from '../../../src/plan/index.js'
import { type SchemaJson } from '../../../src/schema/index.js'

export const from = { path: 'transforms.py', types: 'file:///job/transforms.anabranch.ts', source: 'source' } as const

/** `'price float64, qty int64 required'` as a schema. */
export const columns = (text: string): SchemaJson =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const [name = '', type = '', required] = part.split(' ')
      return required === undefined ? [name, type] : [name, type, { required: true }]
    })

export type Fn = Partial<Omit<FunctionLike, 'inputs' | 'outputs' | 'state' | 'side'>> & {
  readonly in?: string
  readonly out?: string
  readonly state?: string
  readonly side?: Readonly<Record<string, string>>
}

/** A transform with any part changed. Its type is loose on purpose: what tsc refuses has tests of its own. */
export function fn(name: string, { in: inputs = '', out = '', state = '', side = {}, ...rest }: Fn = {}): FunctionLike {
  return {
    name,
    kind: 'transform',
    keyed: state !== '',
    mode: 'batch',
    inputs: columns(inputs),
    outputs: columns(out),
    state: columns(state),
    side: Object.fromEntries(Object.entries(side).map(([key, schema]) => [key, columns(schema)])),
    atEnd: false,
    timeoutMs: 30_000,
    declared: `declared ${name}`,
    from,
    ...rest,
  }
}

export const clicks = files('in/*.jsonl', json(columns('user utf8, item utf8, price float64, qty int64')))

export const context: PlanContext = { folder: '/job' }

/** The plan of a job that has no fault. */
export function cleanPlan(job: JobLike): Plan {
  const { plan, faults } = planOf(job, context)
  if (faults.length > 0) throw new Error(faults.map(f => `${f.code} ${f.message}`).join('\n'))
  return plan
}

/** `ANB1001 message` of each fault, in order. */
export const faultsOf = (job: JobLike, more: Partial<PlanContext> = {}): readonly string[] =>
  planOf(job, { ...context, ...more }).faults.map(f => `${f.code} ${f.message}`)
