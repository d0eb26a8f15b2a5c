/**
 * Stand-ins: what the functions of a types file do in a test that runs no Python, as TypeScript over one row at a time.
 * They are typed by the types file, so a stand-in that forgets a column is an error of `tsc`, and they follow the
 * contract of Python's `mode="row"`: a row in; columns, a boolean or several rows out; with state beside them.
 */
import { type Value } from '../../batch/index.js'
import { type ContractLike, type FunctionLike, type ParamValue } from '../../plan/index.js'
import { type SchemaJson } from '../../schema/index.js'

/** A value of a column as a stand-in sees it: int64, uint64, timestamps and durations are bigints. */
export type Cell<T extends string> = T extends 'bool'
  ? boolean
  : T extends 'utf8' | `decimal128${string}`
    ? string
    : T extends 'binary'
      ? Uint8Array
      : T extends 'int64' | 'uint64' | `timestamp${string}` | `duration${string}`
        ? bigint
        : T extends `int${string}` | `uint${string}` | `float${string}` | 'date32'
          ? number
          : Value

/** A value that a stand-in or a test gives: whole numbers may be numbers, times ISO text. */
export type GivenCell<T extends string> =
  | Cell<T>
  | (T extends 'int64' | 'uint64' | `duration${string}` ? number : never)
  | (T extends `timestamp${string}` | 'date32' ? number | string : never)

type Required<F> = F extends readonly [string, string, { readonly required: true }] ? never : null

/** A row of a declared schema; every column may hold null unless it is required. */
export type RowOf<S extends SchemaJson> = { readonly [F in S[number] as F[0]]: Cell<F[1]> | Required<F> }
export type GivenRow<S extends SchemaJson> = { readonly [F in S[number] as F[0]]: GivenCell<F[1]> | Required<F> }

/** What a stand-in may know of its run. */
export interface Called {
  /** The parameters of the job. */
  readonly params: Readonly<Record<string, ParamValue>>
  /** Milliseconds of the hand-moved clock. */
  readonly nowMs: number
}

type Sides<F extends FunctionLike> = {
  readonly [N in keyof F['side']]?: GivenRow<F['side'][N]> | readonly GivenRow<F['side'][N]>[]
}

/** What comes out for one row. */
type Out<F extends FunctionLike> = F['kind'] extends 'filter'
  ? boolean
  : F['kind'] extends 'flat_map'
    ? readonly GivenRow<F['outputs']>[]
    : GivenRow<F['outputs']>

type Answer<Out, Sides> = Out | Result<Out, Sides>

/** One row in. A keyed function gets and answers the state of the row's key: null is none, which deletes it. */
export type Each<F extends FunctionLike> = F['keyed'] extends true
  ? (
      row: RowOf<F['inputs']>,
      state: RowOf<F['state']> | null,
      call: Called,
    ) => readonly [answer: Answer<Out<F>, Sides<F>>, state: GivenRow<F['state']> | null]
  : (row: RowOf<F['inputs']>, call: Called) => Answer<Out<F>, Sides<F>>

/** After the last row: one key in, rows of side outputs out. */
export type AtEnd<F extends FunctionLike> = (
  key: Readonly<Record<string, Value>>,
  state: RowOf<F['state']>,
  call: Called,
) => Sides<F>

export type StandIn<F extends FunctionLike> = Each<F> | { readonly each: Each<F>; readonly atEnd: AtEnd<F> }

/** Stand-ins for functions and contracts of a module, by the names of its types file. */
export type StandIns<M> = {
  readonly [N in keyof M as M[N] extends FunctionLike | ContractLike ? N : never]?: StandInOf<M[N]>
}
type StandInOf<F> = F extends FunctionLike ? StandIn<F> : F extends ContractLike ? Broken<F> : never
/** What a row breaks; nothing where it is good. */
type Broken<K extends ContractLike> = (row: RowOf<K['columns']>, call: Called) => readonly string[]

/** An answer with rows for side outputs beside it. */
export class Result<Main = unknown, Side = unknown> {
  constructor(
    readonly main: Main,
    readonly side: Side,
  ) {}
}

/** What `ab.result` is in Python: `result({ total: 9 }, { odd: { item: 'rope' } })`. */
export const result = <Main, Side>(main: Main, side: Side): Result<Main, Side> => new Result(main, side)

/** Thrown by `reject`. */
export class Rejected extends Error {}

/** What `ab.reject` is in Python: the row becomes a dead letter with this reason, and leaves no state. */
export function reject(reason: string): never {
  throw new Rejected(reason)
}

/** Thrown by `away`. */
export class Away extends Error {
  constructor(
    message: string,
    readonly retryAfterMs: number | null,
  ) {
    super(message)
  }
}

/** What raising `ab.TransientError` is in Python: a service is away, and the same rows come again later. */
export function away(service: string, options: { readonly retryAfterMs?: number } = {}): never {
  throw new Away(service, options.retryAfterMs ?? null)
}
