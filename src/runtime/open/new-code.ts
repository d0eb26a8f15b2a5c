/** New code for a running job: what a request names, described by Python in a process of its own, in the place of what runs. */
import { resolve } from 'node:path'
import { PlanError } from '../../base/index.js'
import { type Plan } from '../../plan/index.js'
import { type DescribedModule } from '../../workers/index.js'
import { type SwapRequest } from '../running-job.js'
import { type Codes, type Place } from './codes.js'

type Asked = Pick<SwapRequest, 'operator' | 'module'>

export interface NewCodeParts {
  readonly plan: Pick<Plan, 'folder'>
  readonly codes: Codes
  /** What a module declares. @throws PlanError where it does not import */
  describe(path: string): Promise<DescribedModule>
}

/** @throws PlanError ANB1020, ANB1027, or what its declarations are refused with; then nothing was touched */
export async function newModule(
  { plan, codes, describe }: NewCodeParts,
  { operator, module }: Asked,
): Promise<{ readonly module: DescribedModule; readonly place: Place }> {
  const replaces = replacedBy(codes.now.plan.nodes, { operator, module })
  const described = await describe(module === null ? replaces : resolve(plan.folder, module))
  return { module: described, place: { replaces, operator } }
}

/** The module whose functions are replaced: the only one of the job, that of the operator, or that which has the name. */
function replacedBy(nodes: Codes['now']['plan']['nodes'], { operator, module }: Asked): string {
  const python = nodes.flatMap(node => (node.kind === 'python' && node.fn.module !== '' ? [node] : []))
  const ids = python.map(node => `"${node.id}"`).join(', ')
  if (operator !== null) {
    const found = python.find(node => node.id === operator)
    if (found !== undefined) return found.fn.module
    throw new PlanError('ANB1027', `the job has no operator "${operator}" in Python`, {
      hint: `give --operator one of ${ids}`,
    })
  }
  const modules = [...new Set(python.map(node => node.fn.module))]
  const [only] = modules
  if (only !== undefined && modules.length === 1) return only
  const named = modules.find(path => module !== null && path.endsWith(`/${module}`))
  if (named !== undefined) return named
  throw new PlanError('ANB1027', 'expected to know which code to replace, the job has several modules of transforms', {
    hint: `name an operator: --operator ID, one of ${ids}`,
  })
}
