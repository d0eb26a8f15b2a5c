/**
 * Lint: the rules that a plan must pass before anything starts. Each rule looks at frozen data and adds what it
 * finds; none stops at the first fault. Rules about one node are in `rules-node.ts`; here are those about the whole.
 */
import { type PlanFault } from '../base/index.js'
import { Faults } from './faults.js'
import { graphOf, inputsOf } from './graph.js'
import { type Plan, type SinkConnector, type SinkNode } from './nodes.js'
import { isPlainJson } from './plain-json.js'
import { lintBudget } from './rules-budget.js'
import { lintEpochs } from './rules-epochs.js'
import { type NodeRule, lintNode, placeOf } from './rules-node.js'
import { lintOrder } from './rules-order.js'

/** What lint may ask about the machine; the plan itself is pure. */
export interface LintReaders {
  /** SHA-256 (hex) of a file, null where there is none. Left out: stale types files are not looked for. */
  readonly digestOf?: (path: string) => string | null
}

/** All faults of a plan, in the order of its nodes; empty for one that may run. */
export function lint(plan: Plan, readers: LintReaders = {}): readonly PlanFault[] {
  const faults = new Faults()
  lintWith(plan, readers, faults, new Set(), '')
  return faults.list
}

/** `unknown` are nodes whose rows nobody can know; rules about columns skip what they feed. */
export function lintWith(
  plan: Plan,
  readers: LintReaders,
  faults: Faults,
  unknown: ReadonlySet<string>,
  place: string,
): void {
  const graph = graphOf(plan)
  lintJob(plan, faults, place)
  const tainted = new Set(unknown)
  const rule: NodeRule = { graph, faults, tainted }
  for (const node of plan.nodes) lintNode(rule, node)
  lintBudget(plan, faults, place)
  lintEpochs(plan, faults)
  lintDangling(plan, faults)
  lintSinks(plan, faults)
  if (faults.list.length === 0) lintOrder(plan, faults)
  lintModules(plan, readers, faults)
}

function lintJob(plan: Plan, faults: Faults, place: string): void {
  const at = { place, what: `job "${plan.job}"` }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(plan.job)) {
    faults.add(
      'ANB1010',
      at,
      `job name "${plan.job}" is not allowed`,
      'use 1 to 100 letters, digits, dots, dashes and underscores',
    )
  }
  if (!plan.nodes.some(node => node.kind === 'source')) faults.add('ANB1006', at, `job "${plan.job}" has no source`)
  if (!plan.nodes.some(node => node.kind === 'sink')) faults.add('ANB1006', at, `job "${plan.job}" has no sink`)
  const { maxDead, keyGroups } = plan.options
  if (maxDead !== null && !isWhole(maxDead, 0, Number.MAX_SAFE_INTEGER)) {
    faults.add('ANB1017', at, `job option maxDead must be a whole number of rows, 0 or more, but it is ${maxDead}`)
  }
  if (!isWhole(keyGroups, 1, 32_768)) {
    faults.add('ANB1017', at, `job option keyGroups must be a whole number of 1 to 32,768, but it is ${keyGroups}`)
  }
  for (const [name, value] of Object.entries(plan.params)) {
    if (!isPlainJson(value))
      faults.add('ANB1014', at, `parameter "${name}" must be plain JSON, but it is ${String(value)}`)
  }
}

const isWhole = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most

/** Rows that nobody reads; of an operator, no output at all. A job without sinks was told so already. */
function lintDangling(plan: Plan, faults: Faults): void {
  if (!plan.nodes.some(node => node.kind === 'sink')) return
  const read = new Set(plan.nodes.flatMap(node => inputsOf(node).map(edge => edge.node)))
  for (const node of plan.nodes) {
    if (node.kind === 'sink' || node.kind === 'key' || read.has(node.id)) continue
    const known = faults.list.some(fault => fault.code === 'ANB1005' && fault.message.includes(`"${node.id}"`))
    if (!known) faults.add('ANB1005', placeOf(node), `the rows of "${node.id}" go nowhere`)
  }
}

/** What two sinks must not share; null where they may. */
function placeOfRows(connector: SinkConnector): string | null {
  if (connector.kind === 'files') return folderOf(connector.path)
  return connector.kind === 'socket' ? connector.address : null
}

/** Two sinks in one folder, or one inside the other: each replaces its whole folder. */
function lintSinks(plan: Plan, faults: Faults): void {
  const seen: { readonly path: string; readonly node: SinkNode }[] = []
  for (const node of plan.nodes) {
    if (node.kind !== 'sink') continue
    const path = placeOfRows(node.connector)
    if (path === null) continue
    const other = seen.find(
      one => path === one.path || path.startsWith(`${one.path}/`) || one.path.startsWith(`${path}/`),
    )
    if (other !== undefined) {
      const how =
        path === other.path ? `both write to "${path}"` : `write to "${other.path}" and "${path}", one inside the other`
      const before = other.node.place === '' ? '' : ` (${other.node.place})`
      faults.add('ANB1016', placeOf(node), `sinks "${other.node.id}"${before} and "${node.id}" ${how}`)
    }
    seen.push({ path, node })
  }
}

const folderOf = (path: string): string =>
  path
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/')

/** A types file that was written from another text of the module. */
function lintModules(plan: Plan, readers: LintReaders, faults: Faults): void {
  if (readers.digestOf === undefined) return
  for (const module of plan.modules) {
    const digest = readers.digestOf(module.path)
    const short = shorten(module.path, plan.folder)
    const at = { place: shorten(module.types, plan.folder), what: '' }
    if (digest === null) {
      faults.add(
        'ANB1020',
        at,
        `Python module ${short} does not exist`,
        'put it back, or write the types file of the module that you mean',
      )
    } else if (digest !== module.source) {
      faults.add(
        'ANB1009',
        at,
        `${at.place} was not written from ${short} as it is now`,
        `run: npx anabranch types ${short}`,
      )
    }
  }
}

const shorten = (path: string, folder: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path
