/**
 * Types at compile time: the columns of a stream as TypeScript sees them, and what `tsc` says where a job does
 * not fit. A column's type is the text of its type as a literal: `{ price: 'float64' }`.
 *
 * A check answers the argument's own type where all is well, and otherwise a `JobTypeError` whose text is the
 * error: `tsc` prints it at the line of the job, since the argument is not one.
 */
import { type Sink } from './connectors.js'
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

/** The names of a union as one text, `"a", "b"`: in a template literal a union would become a text for each name. */
export type Listed<N, Text extends string = ''> = [N] extends [never]
  ? Text
  : LastOf<N> extends infer Last extends string
    ? Listed<Exclude<N, Last>, Text extends '' ? `"${Last}"` : `"${Last}", ${Text}`>
    : Text
/** One name of a union: that of the last overload of a function with an overload for each. */
type LastOf<N> = (N extends unknown ? (each: (one: N) => void) => void : never) extends (all: infer All) => void
  ? All extends (one: infer Last) => void
    ? Last
    : never
  : never

/** Columns that the function wants and the stream does not have, in the order of its inputs. */
export type Missing<C extends Columns, S extends SchemaLike> = Exclude<keyof ColumnsOf<S>, keyof C> & string
/** Columns that the stream has with another type. One whose type is no literal is checked by lint alone. */
export type Different<C extends Columns, I extends Columns> = {
  [N in keyof I & keyof C]: string extends C[N] ? never : [C[N]] extends [I[N]] ? never : N
}[keyof I & keyof C] &
  string

export type Here<C extends Columns> = `the columns here are ${Listed<keyof C>}`
type Kind<F extends FunctionLike> = F['keyed'] extends true ? 'keyed' : F['kind']
/** `the @keyed "score"` */
type Named<F extends FunctionLike> = `the @${Kind<F>} "${F['name']}"`

/** `F` where it fits a stream of columns `C` with key `K`, else the mistake. */
type Fits<F extends FunctionLike, C extends Columns, K extends string> = [Missing<C, F['inputs']>] extends [never]
  ? [Different<C, ColumnsOf<F['inputs']>>] extends [never]
    ? [F['keyed'], K] extends [true, never]
      ? JobTypeError<`${Named<F>} needs a key, and the stream has none: put .keyBy("column") before it`>
      : F
    : JobTypeError<WrongType<F, C, Different<C, ColumnsOf<F['inputs']>>>>
  : JobTypeError<`${Named<F>} needs ${Listed<Missing<C, F['inputs']>>}, which the stream does not have; ${Here<C>}`>

type WrongType<F extends FunctionLike, C extends Columns, N extends string> = N extends keyof C &
  keyof ColumnsOf<F['inputs']>
  ? `${Named<F>} needs "${N}" as ${ColumnsOf<F['inputs']>[N]}, but the stream has ${C[N]}`
  : never

/** The method of a stream for each kind of function. */
interface Methods {
  readonly transform: 'apply'
  readonly keyed: 'apply'
  readonly filter: 'filter'
  readonly flat_map: 'flatMap'
  readonly sink: 'to'
}

/** As `Fits`, for the method `M`. A function whose columns nobody wrote down as literals is checked by lint alone. */
export type FitsMethod<
  M extends Methods[keyof Methods],
  F extends FunctionLike,
  C extends Columns,
  K extends string,
> = FunctionLike extends F
  ? F
  : Methods[Kind<F>] extends M
    ? Fits<F, C, K>
    : JobTypeError<`"${F['name']}" is ${Article<Kind<F>>}@${Kind<F>}: use .${Methods[Kind<F>]}(...)`>
type Article<K extends string> = K extends 'keyed' ? '' : 'a '

/** The key after a function: gone where the function outputs one of its columns. */
export type KeyAfter<F extends FunctionLike, K extends string> = [K & keyof ColumnsOf<F['outputs']>] extends [never]
  ? K
  : never

/** Side outputs by name, with their columns. */
export type Sides = Readonly<Record<string, Columns>>
export type SidesOf<F extends FunctionLike> = { readonly [N in keyof F['side']]: ColumnsOf<F['side'][N]> }

/** The name of a side output of the function just applied, else those there are and the mistake. */
export type FitsSide<N extends string, S extends Sides> = N extends keyof S
  ? N
  : (keyof S & string) | JobTypeError<NoSide<N, keyof S>>
type NoSide<N extends string, Names> = [Names] extends [never]
  ? `there is no side output "${N}": the stream does not come from a function with side outputs`
  : `there is no side output "${N}", only ${Listed<Names>}`

/** A column of the stream, else those there are (an editor offers them) and the mistake. */
export type FitsColumn<N extends string, C extends Columns> = [Exclude<N, keyof C>] extends [never]
  ? N
  : (keyof C & string) | JobTypeError<NoColumn<Exclude<N, keyof C>, C>>
type NoColumn<N extends string, C extends Columns> = `the stream has no column ${Listed<N>}; ${Here<C>}`

/** A sink, where the stream has the columns that it needs. Where those are no literals, lint alone checks them. */
export type FitsSink<T, C extends Columns> = [T] extends [FunctionLike]
  ? FitsMethod<'to', T, C, never>
  : FitsOutput<T, C>
type FitsOutput<T, C extends Columns> = [T] extends [Sink<infer N>]
  ? string extends N
    ? T
    : [Exclude<N, keyof C>] extends [never]
      ? T
      : JobTypeError<`the sink needs ${Listed<Exclude<N, keyof C>>}, which the stream does not have; ${Here<C>}`>
  : JobTypeError<'.to takes a sink: files.sink("name/", json())'>

/** One argument of `select`: a name to keep, or `{ from: 'to' }` to rename. */
export type Selection = string | Readonly<Record<string, string>>

/** The arguments of `select` where the stream has their columns, each else as the mistake. */
export type FitsSelect<A extends readonly Selection[], C extends Columns> = {
  readonly [I in keyof A]: A[I] extends string
    ? FitsColumn<A[I], C>
    : [Exclude<keyof A[I], keyof C>] extends [never]
      ? A[I]
      : JobTypeError<NoColumn<Exclude<keyof A[I], keyof C> & string, C>>
}

/** The columns after `select`. */
export type Select<C extends Columns, A> = Flat<
  { readonly [N in Extract<A, string> & keyof C]: C[N] } & {
    readonly [P in Renames<A> as P[1]]: P[0] extends keyof C ? C[P[0]] : never
  }
>
type Renames<A> = A extends string ? never : { [F in keyof A & string]: [F, A[F] & string] }[keyof A & string]

/** Anything, where the other stream of a union has the same columns with the same types. */
export type FitsUnion<C extends Columns, D extends Columns> = [C, D] extends [D, C]
  ? unknown
  : JobTypeError<`the streams of a union differ in ${Listed<Differing<C, D>>}`>
type Differing<C extends Columns, D extends Columns> =
  | (Exclude<keyof C, keyof D> & string)
  | (Exclude<keyof D, keyof C> & string)
  | Different<C, D>
