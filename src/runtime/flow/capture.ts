/**
 * A capture: one call as an Arrow stream file, whole in itself, that `anabranch replay` runs again. The rows are its
 * record batch. What else the call had stands in the schema's metadata: the functions with the digest of their source,
 * the parameters, and the state of the keys before the call, as Arrow again, since JSON would round it.
 *
 * No path of this machine and no time is in it: the same call gives the same bytes everywhere. The source of the
 * functions is not in it either: what is wanted is what the code does now, and its digest tells whether it is the same.
 */
import { type Batch, arrowStream, base64Of, bytesOf } from '../../batch/index.js'
import { type Stage } from './stage.js'
import { type Call } from './ticket.js'

/** Raised with every change of what is written; Python reads this one only. */
const version = '2'

export interface CaptureTerms {
  /** Parameters of the job. */
  readonly params: Readonly<Record<string, unknown>>
  /** By the module's absolute path: its path from the job's folder, and the SHA-256 of its source. */
  readonly modules: ReadonlyMap<string, { readonly name: string; readonly digest: string }>
  /** Of so many calls one is kept; null: none. */
  readonly every: number | null
  /** A call is kept whose functions took so many microseconds or more; null: none. */
  readonly slowUs: number | null
}

export const noCaptures: CaptureTerms = { params: {}, modules: new Map(), every: null, slowUs: null }

/** The state is gathered at once, as it is before the call is settled; the bytes are made when they are asked for. */
export function captureOf(
  stage: Stage,
  of: { readonly batch: Batch; readonly slots: Int32Array | null; readonly call: Call },
  terms: CaptureTerms,
): () => Uint8Array {
  const { vertex, keyed } = stage
  const grouping = keyed === null || of.slots === null ? null : keyed.group(of.slots)
  const gathered = [...(keyed?.tables.keys() ?? [])].flatMap(operator => {
    if (keyed === null || grouping === null) return []
    const rows = of.call.kind === 'rows' ? { batch: of.batch, index: grouping.index } : null
    const collections = keyed.collections.get(operator)?.gather(grouping.uniq, rows)
    return [[operator, { ...keyed.gather(operator, grouping.uniq), collections }] as const]
  })
  const operators = vertex.operators.map(({ id, fn }) => {
    const module = terms.modules.get(fn.module)
    const of = {
      id,
      module: module?.name ?? '',
      function: fn.name,
      declared: fn.declared,
      source: module?.digest ?? '',
    }
    return fn.check === undefined ? of : { ...of, inputs: fn.inputs, check: fn.check }
  })
  return () => {
    const state = gathered.map(([operator, { state: rows, isNew, collections }]) => [
      operator,
      {
        rows: base64Of(streamOf(rows, {})),
        new: base64Of(isNew),
        ...(collections !== undefined && {
          lists: base64Of(streamOf(collections.lists, {})),
          maps: base64Of(streamOf(collections.maps, {})),
        }),
      },
    ])
    return streamOf(of.batch, {
      'anabranch.capture': version,
      'anabranch.call': JSON.stringify(of.call),
      'anabranch.operators': JSON.stringify(operators),
      'anabranch.params': JSON.stringify(terms.params),
      'anabranch.key': JSON.stringify(vertex.key?.columns ?? null),
      'anabranch.index': grouping === null ? '' : base64Of(bytesOf(grouping.index)),
      'anabranch.state': JSON.stringify(Object.fromEntries(state)),
    })
  }
}

const streamOf = (batch: Batch, metadata: Readonly<Record<string, string>>): Uint8Array =>
  arrowStream(batch.schema, [batch], metadata)
