/**
 * Contracts on data: what the rows of a stream must keep. Python writes them into the types file; a job file may write
 * its own with `contract`. Both are data, and a check in a plan is a transform of ours that the worker makes of it.
 */
import { type SchemaJson } from '../schema/index.js'
import { type ModuleLike } from './functions.js'
import { type CheckRef, type FunctionRef, type RuleJson } from './nodes.js'
import { type PlainContract } from './rules.js'
import {
  type Added,
  type Columns,
  type ColumnsOf,
  type Different,
  type Here,
  type JobTypeError,
  type Listed,
  type Missing,
} from './types.js'

/** A contract as a types file has it. */
export interface ContractLike {
  readonly name: string
  readonly columns: SchemaJson
  readonly rules: readonly RuleJson[]
  /** SHA-256 of the declaration, hex. */
  readonly declared: string
  readonly from: ModuleLike
}
export type AnyContract = ContractLike | PlainContract<Columns>

export interface CheckOptions {
  /**
   * What becomes of a row that breaks a rule: a dead letter with all that it breaks, a row with a column of that, or
   * the end of the job. Default `'dead-letter'`.
   */
  readonly onFail?: CheckRef['onFail']
  /** Name of the column that `onFail: 'flag'` adds, a list of texts, empty for a good row. Default `'failures'`. */
  readonly column?: string
  /**
   * The job stops when more than this part of the rows breaks a rule, 0 to 1. Judged whenever a call is answered, over all
   * rows answered until then, from 1,000 rows on; and over all rows at the end of the input. So a job that ends above it
   * always stops, and where a part on the way was above it, how early depends on the size of calls. Default: no limit of its
   * own.
   */
  readonly maxRatio?: number
  /** Dead letters and the report go by it. Default: the contract's name. */
  readonly id?: string
}

/** `K` where it fits a stream of columns `C`, else the mistake. */
export type FitsContract<K extends AnyContract, C extends Columns> =
  Loose<K> extends true
    ? K
    : [Missing<C, Demands<K>>] extends [never]
      ? [Different<C, Demands<K>>] extends [never]
        ? K
        : JobTypeError<`the contract checks ${Listed<Different<C, Demands<K>>>} as another type than the stream's`>
      : JobTypeError<`the contract checks ${Listed<Missing<C, Demands<K>>>}, which the stream does not have; ${Here<C>}`>
/** Its columns were not written down as literals: lint alone checks them. */
type Loose<K extends AnyContract> = K extends ContractLike ? (ContractLike extends K ? true : false) : false
type Demands<K extends AnyContract> = K extends ContractLike
  ? ColumnsOf<K['columns']>
  : K extends PlainContract<infer D>
    ? D
    : never

/** The columns after a check. */
export type Checked<C extends Columns, O extends CheckOptions> = O['onFail'] extends 'flag'
  ? Added<C, { readonly [N in FlagColumn<O>]: 'list<utf8>' }>
  : C
type FlagColumn<O extends CheckOptions> = O['column'] extends string ? O['column'] : 'failures'

/** The key after a check: gone where the added column replaces one of its columns. */
export type KeyAfterCheck<K extends string, O extends CheckOptions> = O['onFail'] extends 'flag'
  ? [K & FlagColumn<O>] extends [never]
    ? K
    : never
  : K

/** True for what has the shape of a contract of either kind; plain JavaScript may pass anything. */
export const isContract = (value: unknown): value is AnyContract =>
  typeof value === 'object' &&
  value !== null &&
  typeof Reflect.get(value, 'name') === 'string' &&
  Array.isArray(Reflect.get(value, 'rules'))

/** As `isContract`, of a types file. */
export const isModuleContract = (value: unknown): value is ContractLike => isContract(value) && isOfModule(value)

export const isOfModule = (contract: AnyContract): contract is ContractLike => 'from' in contract

/** The transform that a check is; `module` is empty for a contract that the job file wrote. */
export function checkFunction(
  contract: AnyContract,
  options: CheckOptions,
  at: { readonly module: string; readonly given: SchemaJson },
): FunctionRef {
  const { onFail = 'dead-letter', column = 'failures', maxRatio = null } = options
  const wanted = new Set(contract.rules.flatMap(rule => rule.columns))
  return {
    module: at.module,
    name: contract.name,
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: isOfModule(contract) ? contract.columns : inputsOf(wanted, at.given),
    outputs: onFail === 'flag' ? [[column, 'list<utf8>']] : [],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30_000,
    declared: isOfModule(contract) ? contract.declared : '',
    check: { onFail, column, maxRatio, rules: contract.rules },
  }
}

/** With the stream's own types; of a column that it lacks only the name is known, which lint refuses. */
function inputsOf(wanted: ReadonlySet<string>, given: SchemaJson): SchemaJson {
  const types = new Map(given.map(([name, type]) => [name, type]))
  return [...wanted].map(name => [name, types.get(name) ?? 'utf8'])
}
