/**
 * The fluent face: `job(...)`, and the streams that come of it. Every method answers a new value and changes none;
 * nothing is checked here, so that a plan can list all its faults at once.
 *
 * A stream carries the outputs written on its way: `s.to(a).to(b)` gives both the rows of `s`, and
 * `s.to(a).side('odd').to(b)` is a job with two outputs. A job file may also write its branches as statements: the
 * job notes each output that was written on it, and a file's job is all of them.
 */
import { type Source } from './connectors.js'
import { type Draft, type DraftEdge, type PythonDraft, type SinkDraft } from './draft.js'
import {
  type AnyContract,
  type CheckOptions,
  type Checked,
  type FitsContract,
  type KeyAfterCheck,
} from './contracts.js'
import { type FunctionLike } from './functions.js'
import { delivered } from './delivery.js'
import { givenSink, givenSource } from './given.js'
import { type Delivery, type KeyNode, type ParamValue } from './nodes.js'
import { unknownOptions } from './option-names.js'
import { type CallPlace, callPlace } from './place.js'
import {
  type Added,
  type Columns,
  type ColumnsOf,
  type FitsColumn,
  type FitsMethod,
  type FitsSelect,
  type FitsSide,
  type FitsSink,
  type FitsUnion,
  type KeyAfter,
  type Select,
  type Selection,
  type Sides,
  type SidesOf,
} from './types.js'
import { type RestartOption } from './restart.js'
import { type Bytes, type Duration } from './units.js'

export interface JobOptions {
  /** Values for `ab.context().params`; `--set name=value` replaces them, read by the type of the value here. */
  readonly params?: Readonly<Record<string, ParamValue>>
  /** Most dead rows before the job stops. Default: 500 of the last 10,000 rows entering one operator. */
  readonly maxDead?: number
  /** Slices of the keys, fixed for the life of a job's state. Default 128. */
  readonly keyGroups?: number
  /** Address space that one worker may use, such as `'2GiB'`. Default: no limit. */
  readonly workerMemory?: Bytes
  /** A worker above this resident size is replaced between batches. Default: 3/4 of `workerMemory`, else 2 GiB. */
  readonly workerRecycle?: Bytes
  /** How long rows wait for a service that is away, without one success. Default 10 minutes. */
  readonly transientMax?: Duration
  /** What the state of one key may weigh on its way to a worker. Default `'1MiB'`, at most `'64MiB'`; more stops the job. */
  readonly stateBytesMax?: Bytes
  /**
   * How often state, positions and output are committed together, from `'50ms'` on. Default `'1s'`. `'off'`: nothing is kept on disk, a
   * run that died begins anew, and sinks write through.
   */
  readonly epoch?: Duration | 'off'
  /**
   * Memory for keys and state, such as `'512MiB'`: what was not used for a while lies on disk then, and state may be larger than
   * memory. Default: no limit; at least `'1.2MB'`, which the databases take.
   */
  readonly stateBudget?: Bytes
  /** Whether a job that failed begins again where its last epoch ended. Default `'none'`: it stays failed. */
  readonly restart?: RestartOption
}

export interface IdOption {
  /** State, dead letters and metrics go by it. Default: the transform's name. */
  readonly id?: string
}
export interface SinkOptions extends IdOption {
  /**
   * `exactly-once`: rows are shown at the end of their epoch, once, whatever dies. `at-least-once`: as soon as the sink
   * can, and some of them again after a crash. Default `'exactly-once'` where the sink has the choice (files, PostgreSQL).
   */
  readonly delivery?: Delivery
}
export interface KeyOptions {
  /** What becomes of a row whose key is null in every column or in one. Default `'dead-letter'`. */
  readonly nullKeys?: KeyNode['nullKeys']
}

/** What a job or a stream says when it is made a plan. A symbol of the registry, so that two copies of us agree. */
export const jobContents: unique symbol = Symbol.for('anabranch.job')

export interface JobRoot {
  readonly name: string
  readonly options: JobOptions
  readonly place: CallPlace | null
  /** Every output written on the job, in order. */
  readonly written: readonly SinkDraft[]
}
export interface JobContents {
  readonly root: JobRoot
  readonly outputs: readonly SinkDraft[]
  /** Where streams stand that should have come to an output. */
  readonly heads: readonly DraftEdge[]
}

/** What a job file exports: the job itself, or the end of one of its chains. */
export interface JobLike {
  readonly [jobContents]: JobContents
}

class Job implements JobLike {
  readonly #root: JobRoot
  readonly #written: SinkDraft[] = []

  constructor(name: string, options: JobOptions, place: CallPlace | null) {
    this.#root = Object.freeze({ name, options: Object.freeze({ ...options }), place, written: this.#written })
    Object.freeze(this)
  }

  /** A stream of the rows of `source`. A job may have several, brought together with `.union`. */
  from<C extends Columns>(source: Source<C>, options: IdOption = {}): Stream<C> {
    const place = callPlace(this.from)
    const { source: connector, wrong } = givenSource(source)
    const draft: Draft = Object.freeze({ kind: 'source', connector, wrong, place, id: options.id ?? null })
    const write = (sink: SinkDraft): void => void this.#written.push(sink)
    return new Stream<C>(this.#root, write, { draft, side: null }, [], [])
  }

  get [jobContents](): JobContents {
    return { root: this.#root, outputs: this.#written, heads: [] }
  }
}
export type { Job }

/**
 * Begins a job.
 *
 * ```ts
 * export default job('shop')
 *   .from(files('input/*.jsonl', json(shop.Order)))
 *   .apply(shop.bill)
 *   .to(files.sink('bills/', json()))
 * ```
 */
export function job(name: string, options: JobOptions = {}): Job {
  return new Job(name, options, callPlace(job))
}

/** Rows of columns `C`, keyed by the columns `K`, with the side outputs `S` of the function just applied. */
export class Stream<C extends Columns, K extends string = never, S extends Sides = NoSides> implements JobLike {
  readonly #root: JobRoot
  readonly #write: (sink: SinkDraft) => void
  readonly #at: DraftEdge
  readonly #outputs: readonly SinkDraft[]
  readonly #heads: readonly DraftEdge[]
  /** For types only. */
  declare readonly columns?: C
  declare readonly key?: K
  declare readonly sides?: S

  constructor(
    root: JobRoot,
    write: (sink: SinkDraft) => void,
    at: DraftEdge,
    outputs: readonly SinkDraft[],
    heads: readonly DraftEdge[],
  ) {
    this.#root = root
    this.#write = write
    this.#at = at
    this.#outputs = outputs
    this.#heads = heads
    Object.freeze(this)
  }

  /** Calls a `@transform` or a `@keyed` function; a keyed one needs `.keyBy` before it. */
  apply<const F extends FunctionLike>(fn: FitsMethod<'apply', F, C, K>, options: IdOption = {}): Applied<F, C, K> {
    return this.#python('apply', fn, options, callPlace(this.apply))
  }

  /** Keeps the rows for which a `@filter` answers true. */
  filter<const F extends FunctionLike>(fn: FitsMethod<'filter', F, C, K>, options: IdOption = {}): Applied<F, C, K> {
    return this.#python('filter', fn, options, callPlace(this.filter))
  }

  /** Calls a `@flat_map`: several rows, or none, for each row; columns that it does not output are repeated. */
  flatMap<const F extends FunctionLike>(fn: FitsMethod<'flatMap', F, C, K>, options: IdOption = {}): Applied<F, C, K> {
    return this.#python('flatMap', fn, options, callPlace(this.flatMap))
  }

  /** Holds the rows against a contract, of the types file or of the job file itself. */
  check<const D extends AnyContract, const O extends CheckOptions = NoOptions>(
    contract: FitsContract<D, C>,
    options?: O,
  ): Stream<Checked<C, O>, KeyAfterCheck<K, O>> {
    return this.#python('check', contract, options ?? {}, callPlace(this.check))
  }

  /**
   * Keeps the named columns in this order; `{ from: 'to' }` keeps column `from` under the name `to`.
   *
   * ```ts
   * job('items').from(files('*.jsonl', json(shop.Order))).select('item', { price: 'cost' }).to(files.sink('costs/', json()))
   * ```
   */
  select<const A extends readonly Selection[]>(
    ...columns: FitsSelect<A, C>
  ): Stream<Select<C, A[number]>, [Exclude<K, A[number]>] extends [never] ? K : never> {
    const renames = columns.flatMap(one =>
      typeof one === 'string'
        ? [{ from: one, to: one }]
        : Object.entries(one).map(([from, to]) => ({ from, to: String(to) })),
    )
    const place = callPlace(this.select)
    return this.#next({ kind: 'select', input: this.#at, columns: Object.freeze(renames), place, id: null })
  }

  /** Chooses the key of the keyed functions that follow: one or several columns, of any type that is not nested. */
  keyBy<N extends string>(
    ...columns: readonly [FitsColumn<N, C> | readonly FitsColumn<N, C>[], ...(FitsColumn<N, C> | KeyOptions)[]]
  ): Stream<C, N> {
    const flat = columns.flat() as readonly (string | KeyOptions)[]
    const names = flat.filter(one => typeof one === 'string')
    const options = flat.find((one): one is KeyOptions => typeof one !== 'string') ?? {}
    const nullKeys = options.nullKeys ?? 'dead-letter'
    const place = callPlace(this.keyBy)
    return this.#next({ kind: 'key', input: this.#at, columns: Object.freeze(names), nullKeys, place, id: null })
  }

  /**
   * The rows of both streams, which have the same columns: one stream after the other where both have an end, as they
   * come where one has none. Where both come from one source, their rows stand in the order of that source.
   */
  union<D extends Columns, L extends string, T extends Sides>(other: Stream<D, L, T> & FitsUnion<C, D>): Stream<C> {
    const right = other[jobContents].heads.slice(0, 1)
    const place = callPlace(this.union)
    return this.and(other).#next({ kind: 'union', inputs: Object.freeze([this.#at, ...right]), place, id: null })
  }

  /**
   * A side output of the function just applied. Its rows have exactly the columns declared for it.
   *
   * ```ts
   * const good = job('shop').from(files('*.jsonl', json(shop.Order))).apply(shop.check).to(files.sink('good/', json()))
   * export default good.side('odd').to(files.sink('odd/', json()))
   * ```
   */
  side<N extends string>(name: FitsSide<N, S>): Stream<N extends keyof S ? S[N] : never> {
    const at: DraftEdge = { draft: this.#at.draft, side: String(name) }
    return new Stream(this.#root, this.#write, at, this.#outputs, this.#heads)
  }

  /** Writes the rows. The answer is the same stream, and a job with one more output. */
  to<const T>(sink: FitsSink<T, C>, options: SinkOptions = {}): Stream<C, K, S> {
    const { sink: connector, wrong, from = null } = delivered(givenSink(sink), options.delivery)
    const draft: SinkDraft = Object.freeze({
      kind: 'sink',
      input: this.#at,
      connector,
      wrong: [...wrong, ...unknownOptions('.to(...)', options, ['id', 'delivery'])],
      from,
      place: callPlace(this.to),
      id: options.id ?? null,
    })
    this.#write(draft)
    return new Stream(this.#root, this.#write, this.#at, [...this.#outputs, draft], this.#heads)
  }

  /** This stream, with the outputs of another branch of the same job: `a.to(x).and(b.to(y))`. */
  and(other: JobLike): Stream<C, K, S> {
    const { root, outputs, heads } = other[jobContents]
    const more = outputs.filter(output => !this.#outputs.includes(output))
    const foreign = root === this.#root ? [] : more
    foreign.forEach(this.#write)
    return new Stream(this.#root, this.#write, this.#at, [...this.#outputs, ...more], [...this.#heads, ...heads])
  }

  get [jobContents](): JobContents {
    return { root: this.#root, outputs: this.#outputs, heads: [this.#at, ...this.#heads] }
  }

  #python<D extends Columns, L extends string, T extends Sides>(
    method: PythonDraft['method'],
    fn: unknown,
    options: CheckOptions,
    place: CallPlace | null,
  ): Stream<D, L, T> {
    return this.#next({ kind: 'python', input: this.#at, method, fn, check: options, place, id: options.id ?? null })
  }

  #next<D extends Columns, L extends string, T extends Sides>(draft: Draft): Stream<D, L, T> {
    return new Stream(this.#root, this.#write, { draft: Object.freeze(draft), side: null }, this.#outputs, this.#heads)
  }
}

/** The stream after a function. */
export type Applied<F extends FunctionLike, C extends Columns, K extends string> = Stream<
  Added<C, ColumnsOf<F['outputs']>>,
  KeyAfter<F, K>,
  SidesOf<F>
>
type NoOptions = Readonly<Record<never, never>>
export type NoSides = Readonly<Record<never, never>>
