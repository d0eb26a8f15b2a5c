/** PostgreSQL as data: where its address is found, the table, the key. The address itself is a secret and never in a plan. */
import { kindOf } from '../base/index.js'
import { type Faults, type Place } from './faults.js'
import { type Sink, type WrongOption } from './connectors.js'
import { unknownOptions } from './option-names.js'
import { type SchemaJson } from '../schema/index.js'

export interface PostgresSinkOptions<N extends string = string> {
  /** The environment variable that holds the address: `postgres://user:password@host:5432/database`. */
  readonly url: { readonly env: string }
  /** `bills` or `shop.bills`, which must be there; `anabranch run` says before the first row how to make it. */
  readonly table: string
  /** Columns that are unique together: a row takes the place of the one with its key. Default: rows are added. */
  readonly key?: readonly N[]
}

/**
 * Rows into a table of PostgreSQL, those of an epoch in one transaction, with the marker in `anabranch_commits` beside it.
 *
 * ```ts
 * job('shop')
 *   .from(files('*.jsonl', json({ item: 'utf8', price: 'float64' })))
 *   .to(postgres.sink({ url: { env: 'DATABASE_URL' }, table: 'prices', key: ['item'] }))
 * ```
 */
function sink<const N extends string = never>(options: PostgresSinkOptions<N>): Sink<N> {
  const { url, table, key = [] } = options
  const wrong: WrongOption[] = [...unknownOptions('postgres.sink(...)', options, ['url', 'table', 'key'])]
  const env: unknown = typeof url === 'object' && url !== null ? url.env : undefined
  if (typeof env !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(env)) {
    const got = typeof url === 'string' ? 'a text, which would be in the plan' : kindOf(url)
    const message = `postgres.sink(...) needs the name of an environment variable as its url, but got ${got}`
    wrong.push({ message, hint: "write url: { env: 'DATABASE_URL' } and set DATABASE_URL where the job runs" })
  }
  if (typeof table !== 'string' || !/^[^.\0]+(\.[^.\0]+)?$/.test(table)) {
    const message = `postgres.sink(...) needs a table, but got ${JSON.stringify(table)}`
    wrong.push({ message, hint: "write table: 'bills' or table: 'shop.bills'" })
  }
  const connector = { kind: 'postgres', env: String(env), table: String(table), key, delivery: 'exactly-once' } as const
  return { sink: connector, wrong }
}

export const postgres: { readonly sink: typeof sink } = { sink }

/** Which columns a table of PostgreSQL can hold. */
export function lintTableColumns(faults: Faults, at: Place, schema: SchemaJson): void {
  for (const [name, type] of schema) {
    if (/^(list|struct|map)</.test(type)) {
      const hint = 'make text or several columns of it in a transform'
      faults.add('ANB1002', at, `column "${name}" is ${type}, which a PostgreSQL sink does not write`, hint)
    } else if (/^timestamp\[ns/.test(type)) {
      const hint = 'make timestamp[us] of it in a transform'
      faults.add('ANB1002', at, `column "${name}" is ${type}, but PostgreSQL keeps microseconds`, hint)
    }
  }
}
