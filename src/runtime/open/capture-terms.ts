/** What captures of a run say, and which calls that go well are kept: nothing of it names this machine. */
import { relative } from 'node:path'
import { type Plan } from '../../plan/index.js'
import { type CaptureTerms } from '../flow/index.js'
import { type RunOptions } from '../options.js'

export function captureTerms(plan: Plan, { captures }: Pick<RunOptions, 'captures'>): CaptureTerms {
  const modules = plan.modules.map(m => [m.path, { name: relative(plan.folder, m.path), digest: m.source }] as const)
  const slowUs = captures.slowMs === null ? null : captures.slowMs * 1_000
  return { params: plan.params, modules: new Map(modules), every: captures.every, slowUs }
}
