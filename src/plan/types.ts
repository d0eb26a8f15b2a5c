/**
 * Types at compile time: the columns of a stream as TypeScript sees them, and what `tsc` says where a job does
 * not fit. A column's type is the text of its type as a literal: `{ price: 'float64' }`.
 *
 * A check answers the argument's own type where all is well, and otherwise a `JobTypeError` whose text is the
 * error: `tsc` prints it at the line of the job, since the argument is not one.
 */
import { type FunctionLike, type SchemaLike } from './functions.js'

/** Columns by name: the text of their types. */
export type Columns = Readonly<Record<string, string>>

/** What a mistake in a job is, for a person to read in the output of `tsc`. Nothing has this type. */
export interface JobTypeError<Text extends string> {
  readonly [mistake]: Text
}
declare const mistake: unique symbol

/** Spells a type out, so that an error shows columns and not the way they came about. */
export type Flat<T> = { readonly [K in keyof T]: T[K] }

/** The columns of a schema, of either form. */
export type ColumnsOf<S extends SchemaLike> = S extends readonly (readonly [string, string, ...unknown[]])[]
  ? { readonly [F in S[number] as F[0]]: F[1] }
  : S extends Columns
    ? Flat<S>
    : never

/** `C` with the columns of `A`: the same name is replaced. */
export type Added<C extends Columns, A extends Columns> = Flat<Omit<C, keyof A> & A>

/** Columns that the function wants and the stream does not have. */
type Missing<C extends Columns, I extends Columns> = Exclude<keyof I, keyof C> & string
/** Columns that the stream has with another type. */
type Different<C extends Columns, I extends Columns> = {
  [N in keyof I & keyof C]: [C[N]] extends [I[N]] ? never : N
}[keyof I & keyof C] &
  string

type Listed<C extends Columns> = keyof C & string

/** `F` where it fits a stream of columns `C` with key `K`, else the mistake. */
export type Fits<F extends FunctionLike, C extends Columns, K extends string> = [
  Missing<C, ColumnsOf<F['inputs']>>,
] extends [never]
  ? [Different<C, ColumnsOf<F['inputs']>>] extends [never]
    ? F['keyed'] extends true
      ? [K] extends [never]
        ? JobTypeError<`"${F['name']}" is keyed: put .keyBy("column") before it`>
        : F
      : F
    : JobTypeError<WrongType<F, C, Different<C, ColumnsOf<F['inputs']>>>>
  : JobTypeError<`"${F['name']}" needs column "${Missing<C, ColumnsOf<F['inputs']>>}"; the stream has "${Listed<C>}"`>

type WrongType<F extends FunctionLike, C extends Columns, N extends string> = N extends keyof C
  ? `"${F['name']}" needs column "${N}" as another type than the stream's ${C[N]}`
  : never

/** As `Fits`, for `.apply`. A function whose columns nobody wrote down as literals is checked by lint alone. */
export type FitsApply<F extends FunctionLike, C extends Columns, K extends string> = FunctionLike extends F
  ? F
  : F['keyed'] extends true
    ? Fits<F, C, K>
    : F['kind'] extends 'filter'
      ? JobTypeError<`"${F['name']}" is a @filter: use .filter(...)`>
      : F['kind'] extends 'flat_map'
        ? JobTypeError<`"${F['name']}" is a @flat_map: use .flatMap(...)`>
        : Fits<F, C, K>

export type FitsKind<
  F extends FunctionLike,
  C extends Columns,
  K extends string,
  Kind extends 'filter' | 'flat_map',
> = FunctionLike extends F
  ? F
  : F['keyed'] extends true
    ? JobTypeError<`"${F['name']}" is @keyed: use .apply(...)`>
    : F['kind'] extends Kind
      ? Fits<F, C, K>
      : JobTypeError<`"${F['name']}" is a @${F['kind']}, not a @${Kind}`>

/** The key after a function: gone where the function outputs one of its columns. */
export type KeyAfter<F extends FunctionLike, K extends string> = [K & keyof ColumnsOf<F['outputs']>] extends [never]
  ? K
  : never

/** Side outputs by name, with their columns. */
export type Sides = Readonly<Record<string, Columns>>
export type SidesOf<F extends FunctionLike> = { readonly [N in keyof F['side']]: ColumnsOf<F['side'][N]> }

export type NoSide<N extends string, S extends Sides> = [keyof S] extends [never]
  ? `there is no side output "${N}": the stream does not come from a function with side outputs`
  : `there is no side output "${N}"; there is "${keyof S & string}"`

/** One argument of `select`: a name to keep, or `{ from: 'to' }` to rename. */
export type Selected<C extends Columns> = (keyof C & string) | { readonly [N in keyof C]?: string }

/** The columns after `select`. */
export type Select<C extends Columns, A> = Flat<
  { readonly [N in A & keyof C & string]: C[N] } & {
    readonly [P in Renames<A> as P[1]]: P[0] extends keyof C ? C[P[0]] : never
  }
>
type Renames<A> = A extends string ? never : { [F in keyof A & string]: [F, A[F] & string] }[keyof A & string]

/** The other stream of a union: the same columns with the same types. */
export type Same<C extends Columns, D extends Columns> = [C] extends [D]
  ? [D] extends [C]
    ? unknown
    : JobTypeError<`the streams of a union differ in column "${Differing<C, D>}"`>
  : JobTypeError<`the streams of a union differ in column "${Differing<C, D>}"`>
type Differing<C extends Columns, D extends Columns> =
  | (Exclude<keyof C, keyof D> & string)
  | (Exclude<keyof D, keyof C> & string)
  | Different<C, D>
