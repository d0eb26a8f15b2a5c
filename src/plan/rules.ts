/**
 * Rules of contracts in plain words, for job files; the same as `ab.check` in Python, and the same data. A null breaks
 * no rule but `notNull` and `nullRatio`: there is nothing to judge.
 */
import { type RuleJson } from './nodes.js'
import { type Columns } from './types.js'

type Whole = 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64'
type Numeric = Whole | 'float32' | 'float64' | `decimal128${string}`
type Temporal = 'date32' | `timestamp[${string}`
/** The types whose values can be compared with a bound of type `B`. */
type Compared<B> = B extends number ? Numeric : B extends boolean ? 'bool' : 'utf8' | Temporal

/** A rule of one column, whose type is one of `T`. */
export interface ColumnRule<T extends string> {
  /** For types only. */
  readonly types?: T
  /** The rule once it is known which column it is of. */
  readonly on: (column: string) => RuleJson
}
/** A rule of several columns `N`. */
export interface RowRule<N extends string> {
  /** For types only. */
  readonly names?: N
  readonly rule: RuleJson
}
/** A contract that the job file wrote; `D` are its columns with the types that they may have. */
export interface PlainContract<D extends Columns> {
  /** For types only. */
  readonly demands?: D
  readonly name: string
  readonly rules: readonly RuleJson[]
}

type RulesOf = ColumnRule<string> | readonly ColumnRule<string>[]
/** Of several rules, the types that all of them allow. */
type Allowed<R> = R extends readonly [ColumnRule<infer T>, ...infer Rest]
  ? T & Allowed<Rest>
  : R extends ColumnRule<infer T>
    ? T
    : string
type Demanded<R extends Readonly<Record<string, RulesOf>>, N extends string> = {
  readonly [C in keyof R & string]: Allowed<R[C]>
} & { readonly [C in Exclude<N, keyof R>]: string }

/**
 * A contract of the job file: rules by column, then rules of several columns. The types of the columns are those of
 * the stream that is checked.
 *
 *     .check(contract({ price: between(0, 100), user: [notNull(), matches('^u')] }, atMost('start', 'end')))
 */
export function contract<const R extends Readonly<Record<string, RulesOf>>, const N extends string = never>(
  columns: R,
  ...rules: readonly RowRule<N>[]
): PlainContract<Demanded<R, N>> {
  const ofColumns = Object.entries(columns).flatMap(([name, one]) => [one].flat().map(rule => rule.on(name)))
  return Object.freeze({ name: 'check', rules: [...ofColumns, ...rules.map(one => one.rule)] })
}

const columnRule = <T extends string>(kind: string, args: RuleJson['arguments'], demand: string): ColumnRule<T> => ({
  on: column => ({ kind, columns: [column], arguments: args, text: `${column} must ${demand}` }),
})

const rowRule = <N extends string>(kind: string, columns: readonly N[], text: string): RowRule<N> => ({
  rule: { kind, columns, arguments: {}, text },
})

/** No null. */
export const notNull = (): ColumnRule<string> => columnRule('not_null', {}, 'not be null')

type Bound = number | string
/** From `low` to `high`, both allowed; null: no bound. NaN is outside. Times as ISO text. */
export function between<const L extends Bound | null, const H extends Bound | null>(
  low: L,
  high: H,
): ColumnRule<Compared<NonNullable<L> | NonNullable<H>>> {
  const bounds =
    low === null
      ? `at most ${word(high)}`
      : high === null
        ? `at least ${word(low)}`
        : `between ${word(low)} and ${word(high)}`
  return columnRule('between', { low, high }, `be ${bounds}`)
}

/** One of these values. */
export const oneOf = <const V extends Bound | boolean>(...values: readonly [V, ...V[]]): ColumnRule<Compared<V>> =>
  columnRule('one_of', { values }, `be one of ${values.map(word).join(', ')}`)

/** Text in which the pattern (RE2) is found; `^` and `$` bind it to the whole. */
export const matches = (pattern: string | RegExp): ColumnRule<'utf8'> => {
  const source = typeof pattern === 'string' ? pattern : pattern.source
  return columnRule('matches', { pattern: source }, `match ${word(source)}`)
}

/** At most this part of the rows of a call is null, 0 to 1; where there are more, each null row fails. */
export const nullRatio = (most: number): ColumnRule<string> =>
  columnRule('null_ratio', { most }, `be null in at most ${most} of the rows`)

/** A time, not older than this when it is checked. */
export const fresh = ({ maxAgeMs }: { readonly maxAgeMs: number }): ColumnRule<Temporal> =>
  columnRule('fresh', { max_age_ms: maxAgeMs }, `not be older than ${maxAgeMs} ms`)

/** No two rows of a call have the same values in all these columns. */
export const unique = <const N extends string>(...columns: readonly [N, ...N[]]): RowRule<N> =>
  rowRule('unique', columns, `${columns.join(', ')} must be unique`)

/** Column `left` is at most column `right`. */
export const atMost = <const L extends string, const R extends string>(left: L, right: R): RowRule<L | R> =>
  rowRule<L | R>('at_most', [left, right], `${left} must be at most ${right}`)

/** Column `left` is less than column `right`. */
export const lessThan = <const L extends string, const R extends string>(left: L, right: R): RowRule<L | R> =>
  rowRule<L | R>('less_than', [left, right], `${left} must be less than ${right}`)

const word = (value: unknown): string => (typeof value === 'string' ? `"${value}"` : String(value))
