/** The code of a job of two operators in one file, `/job/transforms.py`, and a folder of sources in which a source is its own digest. */
import { type FunctionRef, files, job, json, planOf, stagesOf } from '../../src/plan/index.js'
import { Codes } from '../../src/runtime/index.js'
import { type DescribedModule } from '../../src/workers/index.js'
import { columns, context, fn } from '../unit/plan/functions.js'

const functions = {
  score: fn('score', { in: 'price float64', out: 'risk float64' }),
  count: fn('count', { in: 'price float64', out: 'n int64', state: 'n int64' }),
}

const { plan } = planOf(
  job('shop')
    .from(files('in/*.jsonl', json(columns('user utf8, price float64'))), { id: 'clicks' })
    .apply(functions.score)
    .keyBy('user')
    .apply(functions.count)
    .to(files.sink('out/', json()), { id: 'out' }),
  context,
)

export const own = '/job/transforms.py'
export const fresh = '/job/new.py'

/** What the introspection says of a file that holds this. `loses` is a function that is not in it. */
export function described(path: string, source: string, loses = ''): DescribedModule {
  const all = Object.values(functions).filter(({ name }) => name !== loses)
  const declared = all.map(({ from: _, ...rest }) => ({ ...rest, doc: '', line: 1 }))
  return { path, source, doc: '', schemas: {}, functions: declared, contracts: [], migrations: [] }
}

export class CodeStory {
  readonly plan = plan
  /** What is in each file now. */
  readonly files = new Map([
    [own, 'v1'],
    [fresh, 'v2'],
  ])
  readonly kept = new Set<string>()
  readonly brought: string[] = []
  readonly said: string[] = []

  /** A run that begins. */
  codes(): Codes {
    const observer = { count: () => undefined, log: (_: string, message: string) => void this.said.push(message) }
    const folder = {
      copy: (path: string) => this.files.get(path) ?? '',
      pathOf: (source: string) => `/run/${source}.py`,
      bring: (source: string) => void this.brought.push(source),
      keep: (sources: readonly string[]) => sources.forEach(source => this.kept.add(source)),
      leave: (needed: ReadonlySet<string>) =>
        [...this.kept].filter(source => !needed.has(source)).forEach(source => this.kept.delete(source)),
    }
    return new Codes({ plan, topology: stagesOf(plan), epochs: true, observer }, folder)
  }
}

/** By the operator, the file and the source of what it runs. */
export function runs({ now }: Codes): Readonly<Record<string, string>> {
  const of = ({ module }: FunctionRef): string => `${module} ${now.kept[module] ?? 'not kept'}`
  return Object.fromEntries(now.plan.nodes.flatMap(n => (n.kind === 'python' ? [[n.id, of(n.fn)] as const] : [])))
}
