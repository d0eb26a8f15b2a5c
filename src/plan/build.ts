/**
 * Build: from drafts to a frozen plan. Gives every node its id and its schema, and notes what only the drafts know:
 * arguments of the wrong kind, ids given twice, streams that go nowhere. The rules of lint see the rest.
 */
import { type PlanFault, kindOf } from '../base/index.js'
import { type Draft, type DraftEdge, type PythonDraft, type SinkDraft, type SourceDraft, draftInputs } from './draft.js'
import { Faults, type Place } from './faults.js'
import { checkFunction, isContract, isOfModule } from './contracts.js'
import { type ModuleLike, camelCase, decoratorOf, isFunctionLike, methods, pathBeside } from './functions.js'
import { frozen } from './frozen.js'
import { type JobContents, type JobLike, jobContents } from './job.js'
import { type LintReaders, lintWith } from './lint.js'
import {
  type Edge,
  type FunctionRef,
  type Plan,
  type PlanNode,
  type SinkConnector,
  type SourceConnector,
  planVersion,
} from './nodes.js'
import { readOptions } from './options.js'
import { refuseFaults } from './refuse.js'
import { placeText } from './place.js'
import { type Unschemed, edgeSchema, schemaAfter } from './schemas.js'

export interface PlanContext extends LintReaders {
  /** Absolute folder of the job file. */
  readonly folder: string
}
export interface Planned {
  readonly plan: Plan
  /** All of them, empty for a job that may run. */
  readonly faults: readonly PlanFault[]
}

export const isJob = (value: unknown): value is JobLike =>
  typeof value === 'object' && value !== null && jobContents in value

/** Absolute path of the file that begins the job; null where the stack did not say. */
export const jobFile = (job: JobLike): string | null => job[jobContents].root.place?.file ?? null

/** The job that a chain belongs to, with every output that was written on it. */
export function jobOf(value: JobLike): JobLike {
  const { root } = value[jobContents]
  return { [jobContents]: { root, outputs: root.written, heads: [] } }
}

/**
 * The plan of a job: of a stream, the outputs written on its way; of `job(...)` itself, every output that was
 * written on it; of several, all of theirs. Never throws for what a user wrote: see `faults`.
 */
export function planOf(jobs: JobLike | readonly [JobLike, ...JobLike[]], context: PlanContext): Planned {
  const contents = [jobs].flat().map((one: JobLike) => one[jobContents])
  return new PlanBuilder(context).plan(contents)
}

/** As `planOf`, for those who cannot go on with faults. Throws a PlanError that lists them all. */
export function checkedPlan(jobs: JobLike | readonly [JobLike, ...JobLike[]], context: PlanContext): Plan {
  const { plan, faults } = planOf(jobs, context)
  refuseFaults(plan.job, faults)
  return plan
}

class PlanBuilder {
  private readonly faults = new Faults()
  private readonly drafts: Draft[] = []
  private readonly ids = new Map<Draft, string>()
  private readonly nodes = new Map<string, PlanNode>()
  /** Nodes whose rows nobody can know, since what makes them is no function: column rules skip them. */
  private readonly unknown = new Set<string>()
  private readonly modules = new Map<string, Plan['modules'][number]>()

  constructor(private readonly context: PlanContext) {}

  plan(contents: readonly JobContents[]): Planned {
    const outputs = [...new Set(contents.flatMap(c => c.outputs))]
    const heads = contents.flatMap(c => c.heads)
    for (const draft of [...outputs, ...heads.map(h => h.draft)]) this.collect(draft)
    this.nameAll()
    for (const draft of this.drafts) this.add(draft)
    this.checkHeads(heads)
    const [{ root } = { root: null }] = contents
    const options = root?.options ?? {}
    const at = { place: placeText(root?.place ?? null, this.context.folder), what: 'job' }
    this.checkRoots(contents)
    const plan = frozen<Plan>({
      version: planVersion,
      job: String(root?.name ?? ''),
      params: { ...options.params },
      options: readOptions(options, this.faults, at),
      nodes: [...this.nodes.values()],
      modules: [...this.modules.values()],
      folder: this.context.folder,
    })
    lintWith(plan, this.context, this.faults, this.unknown, at.place)
    return { plan, faults: this.faults.list }
  }

  /** Depth first, so that each draft stands after all that it reads, in the order of writing. */
  private collect(draft: Draft): void {
    if (this.drafts.includes(draft)) return
    for (const edge of draftInputs(draft)) this.collect(edge.draft)
    this.drafts.push(draft)
  }

  /** Names that people gave come first; what has none gets a free one. */
  private nameAll(): void {
    const taken = new Map<string, Draft>()
    for (const draft of this.drafts) {
      const name = draft.id ?? (draft.kind === 'python' && isNamed(draft.fn) ? draft.fn.name : null)
      if (name === null) continue
      const other = taken.get(name)
      if (other !== undefined) this.sameId(name, draft, other)
      const free = freeName(name, taken)
      taken.set(free, draft)
      this.ids.set(draft, free)
    }
    for (const draft of this.drafts) {
      if (this.ids.has(draft)) continue
      const free = freeName(plainName(draft), taken)
      taken.set(free, draft)
      this.ids.set(draft, free)
    }
  }

  private sameId(name: string, draft: Draft, other: Draft): void {
    const before = placeText(other.place, this.context.folder)
    const message = `id "${name}" is used twice${before === '' ? '' : `, first in ${before}`}`
    this.faults.add('ANB1003', this.at(draft, name), message, `give one of them its own id: { id: "${name}-2" }`)
  }

  private at(draft: Draft, id: string): Place {
    const what = draft.kind === 'python' ? 'operator' : draft.kind
    return { place: placeText(draft.place, this.context.folder), what: `${what} "${id}"` }
  }

  private add(draft: Draft): void {
    const id = this.ids.get(draft) ?? ''
    const inputs = draftInputs(draft).map(edge => this.edge(edge))
    const [input = { node: '' }] = inputs
    const place = placeText(draft.place, this.context.folder)
    const unschemed = this.unschemed(draft, { id, place }, input, inputs)
    const schemas = inputs.map(edge => {
      const node = this.nodes.get(edge.node)
      return node === undefined ? [] : edgeSchema(node, edge.output)
    })
    const schema = schemaAfter(unschemed, schemas)
    this.nodes.set(id, unschemed.kind === 'sink' ? unschemed : ({ ...unschemed, schema } as PlanNode))
  }

  private unschemed(
    draft: Draft,
    placed: { readonly id: string; readonly place: string },
    input: Edge,
    inputs: readonly Edge[],
  ): Unschemed {
    switch (draft.kind) {
      case 'source':
        // Of what could not be read nobody knows the columns.
        if (this.wrong(draft, placed.id)) this.unknown.add(placed.id)
        return { kind: 'source', ...placed, connector: draft.connector }
      case 'python':
        return { kind: 'python', ...placed, input, fn: this.fn(draft, placed.id, input) }
      case 'key':
        return { kind: 'key', ...placed, input, columns: draft.columns, nullKeys: draft.nullKeys }
      case 'select':
        return { kind: 'select', ...placed, input, columns: draft.columns }
      case 'union':
        return { kind: 'union', ...placed, inputs }
      case 'sink':
        this.wrong(draft, placed.id)
        if (draft.from !== null) this.module(draft.from)
        return { kind: 'sink', ...placed, input, connector: draft.connector }
    }
  }

  /** Whether something was passed to it that cannot be read. */
  private wrong(draft: SourceDraft | SinkDraft, id: string): boolean {
    for (const { message, hint } of draft.wrong) this.faults.add('ANB1017', this.at(draft, id), message, hint)
    return draft.wrong.length > 0
  }

  private edge(edge: DraftEdge): Edge {
    const node = this.ids.get(edge.draft) ?? ''
    return edge.side === null ? { node } : { node, output: edge.side }
  }

  private fn(draft: PythonDraft, id: string, input: Edge): FunctionRef {
    const { fn, method } = draft
    if (method === 'check') return this.check(draft, id, input)
    if (!isFunctionLike(fn)) {
      this.unknown.add(id)
      const hint =
        fn === undefined ? misspelt : 'import it from the types file: import features from "./transforms.anabranch.js"'
      this.faults.add('ANB1011', this.at(draft, id), `.${method} takes a Python function, but got ${came(fn)}`, hint)
      return noFunction
    }
    const decorator = decoratorOf(fn)
    const fits = methods[decorator]
    if (fits !== method) {
      const message = `"${camelCase(fn.name)}" is a @${decorator}, which .${fits} takes, not .${method}`
      this.faults.add('ANB1011', this.at(draft, id), message)
    }
    if (fn.kind === 'sink') {
      this.unknown.add(id)
      return noFunction
    }
    const module = this.module(fn.from)
    const { name, kind, keyed, mode, inputs, outputs, state, side, atEnd, timeoutMs, declared } = fn
    const order = fn.unordered === true && { unordered: true }
    return { module, name, kind, keyed, mode, inputs, outputs, state, side, atEnd, timeoutMs, declared, ...order }
  }

  private check(draft: PythonDraft, id: string, input: Edge): FunctionRef {
    const { fn: contract, check } = draft
    if (!isContract(contract)) {
      this.unknown.add(id)
      const hint = 'declare it in Python with ab.contract(...), or here: contract({ price: between(0, 100) })'
      this.faults.add('ANB1011', this.at(draft, id), `.check takes a contract, but got ${came(contract)}`, hint)
      return noFunction
    }
    const module = isOfModule(contract) ? this.module(contract.from) : ''
    const node = this.nodes.get(input.node)
    return checkFunction(contract, check, { module, given: node === undefined ? [] : edgeSchema(node, input.output) })
  }

  private module(from: ModuleLike): string {
    const path = pathBeside(from.types, from.path)
    const types = pathBeside(from.types, '')
    const { source, migrations = [] } = from
    if (!this.modules.has(path))
      this.modules.set(path, { path, source, types, ...(migrations.length > 0 && { migrations }) })
    return path
  }

  /** One file is one job: of two, one would run under the name and the options of the other. */
  private checkRoots(contents: readonly JobContents[]): void {
    const roots = [...new Set(contents.map(c => c.root))]
    const [first, ...others] = roots
    for (const root of others) {
      const at = { place: placeText(root.place, this.context.folder), what: `job "${root.name}"` }
      const message = `the job file exports two jobs, "${first?.name}" and "${root.name}"`
      this.faults.add('ANB1013', at, message, 'write each job in a file of its own')
    }
  }

  /** The end of an exported chain that nothing reads. */
  private checkHeads(heads: readonly DraftEdge[]): void {
    const read = new Set(
      this.drafts.flatMap(draft => draftInputs(draft).map(e => `${this.ids.get(e.draft)}\t${e.side}`)),
    )
    for (const head of heads) {
      const id = this.ids.get(head.draft) ?? ''
      if (read.has(`${id}\t${head.side}`) || this.nothingWritten()) continue
      const rows = head.side === null ? 'rows' : `side output "${head.side}"`
      this.faults.add('ANB1005', this.at(head.draft, id), `the ${rows} of "${id}" go nowhere`)
    }
  }

  /** Then the job has no sink at all, which lint says once. */
  private nothingWritten(): boolean {
    return !this.drafts.some((draft): draft is SinkDraft => draft.kind === 'sink')
  }
}

const noFunction: FunctionRef = {
  module: '',
  name: '',
  kind: 'transform',
  keyed: false,
  mode: 'batch',
  inputs: [],
  outputs: [],
  state: [],
  side: {},
  atEnd: false,
  timeoutMs: 30_000,
  declared: '',
}

const isNamed = (fn: unknown): fn is { readonly name: string } => isFunctionLike(fn) || isContract(fn)

/** An own connector is called as its export is, a sink of Python as its function. */
const ownName = (connector: SourceConnector | SinkConnector): string | null =>
  (connector.kind === 'custom' || connector.kind === 'python') && connector.name !== '' ? connector.name : null

function plainName(draft: Draft): string {
  if (draft.kind === 'python') return 'operator'
  if (draft.kind === 'source') return ownName(draft.connector) ?? draft.connector.kind
  if (draft.kind !== 'sink') return draft.kind
  if (draft.connector.kind !== 'files') return ownName(draft.connector) ?? draft.connector.kind
  const name = String(draft.connector.path)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
  return name === '' ? 'files' : name
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  if (!taken.has(name)) return name
  let number = 2
  while (taken.has(`${name}-${number}`)) number++
  return `${name}-${number}`
}

const misspelt =
  'names of the types file are in camel case: features.byRow for by_row of Python; for a new one: npx anabranch types transforms.py'

function came(value: unknown): string {
  if (typeof value === 'function') return 'a JavaScript function'
  return value === undefined ? 'undefined (is there a function of that name?)' : kindOf(value)
}
