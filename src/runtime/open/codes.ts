/**
 * Codes: what Python code a run has, by number: 1 for that with which an attempt began, one more for each swap. What runs is
 * decided by the last epoch that was written: its record says which functions were swapped in.
 */
import { relative, resolve } from 'node:path'
import { type Observer, PlanError, invariant } from '../../base/index.js'
import { type EpochRecord } from '../../checkpoint/index.js'
import { type FunctionRef, type Plan, type RowsMay, type Topology, stagesOf, withFunctions } from '../../plan/index.js'
import { type DescribedModule } from '../../workers/index.js'
import { type CodeFolder } from './code-folder.js'
import { type Opened } from './opened.js'

export interface Code {
  readonly plan: Plan
  readonly topology: Topology
  /** By the module's path, the digest under which its source was copied; empty in a run without epochs, which runs the files. */
  readonly kept: Readonly<Record<string, string>>
  /** Ids of the operators that the last swap gave another function. */
  readonly operators: ReadonlySet<string>
  /** By the operator: functions of another module, or of the same one as it was later, than the job names. */
  readonly swapped: EpochRecord['swapped']
}

type RecordedCode = Pick<EpochRecord, 'code' | 'swapped'>

/** Which operators get it: those with a function of this module, or one. */
export interface Place {
  readonly replaces: string
  readonly operator: string | null
}

export class Codes {
  private readonly own: Code
  private codes: readonly Code[]
  /** On trial from the first row of an attempt on; null: none is. */
  private coming: Code | null = null
  /** What the attempt went on behind. */
  private record: RecordedCode | null = null

  /**
   * @param job as its file describes it
   * @param folder where sources are kept
   */
  constructor(
    private readonly job: Pick<Opened, 'plan' | 'topology'> & { readonly epochs: boolean; readonly observer: Observer },
    private readonly folder: Pick<CodeFolder, 'copy' | 'bring' | 'pathOf' | 'keep' | 'leave'>,
  ) {
    const { plan, topology, epochs } = job
    const modules = epochs ? plan.modules : []
    const kept = Object.fromEntries(modules.map(m => [m.path, folder.copy(m.path)] as const))
    this.own = { plan, topology, kept, operators: new Set(), swapped: {} }
    this.codes = [this.own]
  }

  /** The code of the attempt that begins; null: nothing was written yet. @throws StateError ANB6038 */
  goOn(record: RecordedCode | null): Code {
    const { folder } = this.job.plan
    const code = record === null ? this.own : this.restored(inFolder(record.swapped, path => resolve(folder, path)))
    if (record !== null && this.record === null) this.tellChanges(record, code)
    this.record = record
    this.codes = this.coming === null ? [code] : [code, this.coming]
    return this.now
  }

  /** The next attempt begins with this code on trial, behind that of the last epoch. */
  goOnWith(code: Code): void {
    this.coming = code
  }

  /** It was judged, or is not wanted. */
  settled(): void {
    this.coming = null
  }

  get count(): number {
    return this.codes.length
  }

  /** What an epoch may name is on the disk when it returns. @throws StateError ANB6011 */
  keep(): void {
    this.folder.keep(Object.values(this.now.kept))
  }

  /** What no epoch names any more is taken away. */
  leave(): void {
    const { now, record, folder } = this
    const named = record === null ? [] : [...Object.values(record.code), ...sourcesOf(record.swapped)]
    folder.leave(new Set([...Object.values(now.kept), ...named]))
  }

  /** The newest. */
  get now(): Code {
    return this.of(this.codes.length)
  }

  of(number: number): Code {
    const code = this.codes[number - 1]
    invariant(code !== undefined, 'code is named by its number')
    return code
  }

  /** What the record of an epoch says of it. */
  recordOf(number: number): Pick<EpochRecord, 'code' | 'swapped'> {
    const { plan, kept, swapped } = this.of(number)
    return {
      code: Object.fromEntries(Object.entries(kept).map(([path, d]) => [relative(plan.folder, path), d])),
      swapped: inFolder(swapped, path => relative(plan.folder, path)),
    }
  }

  /** Copies of sources, by the path of their modules. */
  copiesOf({ kept }: Code): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(kept).map(([path, digest]) => [path, this.folder.pathOf(digest)]))
  }

  /**
   * The code of now with what a module declares. `rows`: whether what it gives has to be what the job knows.
   *
   * @throws PlanError ANB1020, ANB1027
   */
  with(module: DescribedModule, at: Place & { readonly rows: RowsMay }): Code {
    const before = this.now
    const source = this.folder.copy(module.path)
    if (source !== module.source)
      throw new PlanError('ANB1027', `module ${module.path} changed while it was read`, { hint: 'ask again' })
    const functions = functionsOf(before.plan, module, at)
    refuseShared(before, module, functions)
    const swapped = Object.fromEntries(
      [...functions].map(([id, fn]) => [id, { own: this.ownDigest(id), source, fn }] as const),
    )
    return codeOf(
      before,
      { ...before.swapped, ...swapped },
      { operators: new Set(functions.keys()), rows: at.rows, module },
    )
  }

  /** It is the next one. @throws StateError ANB6011 */
  add(code: Code): void {
    this.codes = [...this.codes, code]
    this.keep()
  }

  /** The one that was added last is not wanted. */
  drop(): void {
    this.codes = this.codes.slice(0, -1)
    this.leave()
  }

  /** What was swapped into operators that are still there, unless their own module is another one by now: then that is newer. */
  private restored(swapped: EpochRecord['swapped']): Code {
    const { own } = this
    const still = Object.entries(swapped).filter(([id, { own: then }]) => {
      const node = own.plan.nodes.find(n => n.id === id)
      return node?.kind === 'python' && this.ownDigest(id) === then
    })
    for (const digest of sourcesOf(Object.fromEntries(still))) this.folder.bring(digest)
    return codeOf(own, Object.fromEntries(still), { operators: new Set(), rows: 'stay' })
  }

  /** Whoever starts with other code than that of the epoch should know. */
  private tellChanges({ code, swapped }: RecordedCode, now: Code): void {
    const { plan, observer } = this.job
    for (const [path, digest] of Object.entries(now.kept)) {
      const name = relative(plan.folder, path)
      const before = code[name]
      if (before === undefined || before === digest) continue
      observer.log(
        'info',
        `module ${name} is not the one that ran until then: ${short(digest)}, it was ${short(before)}`,
      )
    }
    for (const [id, { fn }] of Object.entries(swapped)) {
      const goesOn = now.swapped[id] !== undefined
      const runs = goesOn
        ? `the code that was swapped in, of ${relative(plan.folder, resolve(plan.folder, fn.module))}`
        : "the job's own code"
      observer.log('info', `operator "${id}" runs ${runs}${goesOn ? '' : ' again, since its module is another one'}`)
    }
  }

  private ownDigest(operator: string): string {
    const node = this.own.plan.nodes.find(n => n.id === operator)
    return node?.kind === 'python' ? (this.own.kept[node.fn.module] ?? '') : ''
  }
}

/** A record has paths from the job's folder: its savepoint may be copied to another machine. */
const inFolder = (swapped: EpochRecord['swapped'], pathOf: (module: string) => string): EpochRecord['swapped'] =>
  Object.fromEntries(
    Object.entries(swapped).map(([id, { fn, ...of }]) => [id, { ...of, fn: { ...fn, module: pathOf(fn.module) } }]),
  )

const short = (digest: string): string => digest.slice(0, 12)
const sourcesOf = (swapped: EpochRecord['swapped']): readonly string[] =>
  Object.values(swapped).map(({ source }) => source)

function codeOf(
  base: Code,
  swapped: EpochRecord['swapped'],
  { operators, rows, module }: Pick<Code, 'operators'> & { readonly rows: RowsMay; readonly module?: DescribedModule },
): Code {
  const functions = new Map(Object.entries(swapped).map(([id, { fn }]) => [id, fn] as const))
  if (functions.size === 0) return base
  const sources = Object.values(swapped).map(({ fn, source }) => [fn.module, source] as const)
  const kept: Record<string, string> = { ...base.kept, ...Object.fromEntries(sources) }
  const types = base.plan.modules[0]?.types ?? ''
  const modules = Object.entries(kept).map(([path, source]) => {
    const of =
      module?.path === path ? module : base.plan.modules.find(each => each.path === path && each.source === source)
    return { path, source, types, ...(of?.migrations !== undefined && { migrations: of.migrations }) }
  })
  const plan = withFunctions(base.plan, functions, { modules, rows })
  return { plan, topology: stagesOf(plan), kept, operators, swapped }
}

/** The functions of the module for the operators that have one of the other module, or for the one that is named. */
function functionsOf(
  plan: Plan,
  module: DescribedModule,
  { replaces, operator }: Place,
): ReadonlyMap<string, FunctionRef> {
  const nodes = plan.nodes.flatMap(node =>
    node.kind === 'python' && (operator === null ? node.fn.module === replaces : node.id === operator) ? [node] : [],
  )
  const name = relative(plan.folder, module.path)
  return new Map(
    nodes.map(({ id, fn }) => {
      if (fn.check !== undefined) return [id, checkOf(module, fn, name)] as const
      const found = module.functions.find(f => f.name === fn.name)
      if (found === undefined || found.kind === 'sink')
        throw new PlanError('ANB1027', `module ${name} has no transform "${fn.name}"`)
      const { doc: _doc, line: _line, unordered, kind, ...rest } = found
      return [id, { ...rest, kind, module: module.path, ...(unordered === true && { unordered }) }] as const
    }),
  )
}

/** Workers have one source of a file: with other code in it, an operator that is not named would change too. */
function refuseShared(
  { plan, kept }: Pick<Code, 'plan' | 'kept'>,
  { path, source }: DescribedModule,
  functions: ReadonlyMap<string, FunctionRef>,
): void {
  const other = plan.nodes.find(node => node.kind === 'python' && node.fn.module === path && !functions.has(node.id))
  if (other === undefined || kept[path] === source) return
  throw new PlanError('ANB1027', `operator "${other.id}" has a function of ${relative(plan.folder, path)} too`, {
    hint: 'give the new code a file of its own, and name it with --module; or swap all operators of the file',
  })
}

function checkOf(module: DescribedModule, fn: FunctionRef, name: string): FunctionRef {
  const found = module.contracts.find(c => c.name === fn.name)
  if (found?.declared === fn.declared) return { ...fn, module: module.path }
  const what = found === undefined ? 'has no contract' : 'declares other rules in contract'
  throw new PlanError('ANB1027', `module ${name} ${what} "${fn.name}"`, {
    hint: 'the rules of a check stay while a job runs: stop it, and start it with the new ones',
  })
}
