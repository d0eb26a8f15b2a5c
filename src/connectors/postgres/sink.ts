/**
 * PostgreSQL: the rows of an epoch and the marker of the sink in one transaction. Rows are copied as CSV, which costs neither
 * side an object a row; with a key they are copied beside the table and go on from there as one statement.
 *
 * Nobody knows how a COMMIT ended whose connection broke: the transaction is done again, and its first statement is the marker,
 * which says whether it was applied. It also holds back another host with the same job until one of both is done; the other one
 * then finds a marker that it did not write, and stops.
 */
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type Batch } from '../../batch/index.js'
import { type Clock, type Observer, PlanError, StateError, failpoint } from '../../base/index.js'
import { type Encoder } from '../../formats/index.js'
import { type Schema } from '../../schema/index.js'
import { type TransactionSink } from '../log/transaction-sink.js'
import { Session } from './session.js'
import { checkTable } from './table.js'
import { quoted, quotedTable, tableType } from './types.js'

export interface PostgresOptions {
  /** Name of the variable in the environment that holds the address: `postgres://user:secret@host:5432/base`. */
  readonly variable: string
  /** Its value; undefined where it is not set. */
  readonly url: string | undefined
  /** `bills` or `shop.bills`. */
  readonly table: string
  /** Columns that are unique together: a row takes the place of the one with its key. Empty: rows are added. */
  readonly key: readonly string[]
  readonly schema: Schema
  /** CSV without a header, an empty field for null. */
  readonly encoder: Encoder
  /** With the id of the sink: whose marker it is. */
  readonly job: string
  readonly id: string
  readonly clock: Clock
  /** Is told when the server is away, and when it is back. */
  readonly observer: Observer
}

/**
 * Throws a PlanError (ANB1017) at once where the address is not set or cannot be understood. `open` throws a ConnectorError
 * where the table does not fit (ANB4030), the server is away (ANB4031) or refuses (ANB4032); `apply` the last two.
 */
export function postgresTransactions(options: PostgresOptions): TransactionSink {
  return new PostgresTransactions(options, placeOf(options))
}

/** `host:5432/base shop.bills`, without user and secret. */
function placeOf({ variable, url, table }: PostgresOptions): string {
  const hint = `set it to postgres://user:password@host:5432/database`
  if (url === undefined || url === '') {
    throw new PlanError('ANB1017', `environment variable ${variable} is not set; it is the address of table ${table}`, {
      hint,
    })
  }
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new PlanError('ANB1017', `environment variable ${variable} is no address of PostgreSQL`, { hint })
  }
  const { host, pathname } = new URL(url)
  return `postgres://${host}${pathname} ${table}`
}

const copyTable = 'anabranch_rows'
const orderColumn = 'anabranch_order'

class PostgresTransactions implements TransactionSink {
  private readonly session: Session
  /** Markers lie beside the table, in its schema. */
  private readonly commits: string
  private lineage = ''
  /** By this run; when it began, by those before. */
  private applied = 0
  /** The last one that a run before may have applied later than this one looked. */
  private prepared = 0

  constructor(
    private readonly options: PostgresOptions,
    readonly place: string,
  ) {
    const { url = '', clock, observer, table } = options
    this.commits = quotedTable([...table.split('.').slice(0, -1), 'anabranch_commits'].join('.'))
    const tell = (level: 'warning' | 'info', message: string): void => observer.log(level, message)
    this.session = new Session({ url, clock, place, tell, prepare: client => this.prepare(client) })
  }

  async check(): Promise<void> {
    const { table, schema, key } = this.options
    await this.session.run(client => checkTable(client, { table, schema, key }))
  }

  async open(lineage: string, prepared: number): Promise<{ readonly applied: number }> {
    this.lineage = lineage
    this.prepared = prepared
    const { table, schema, key } = this.options
    this.applied = await this.session.run(async client => {
      await checkTable(client, { table, schema, key })
      if (lineage === '') return 0
      await this.makeCommits(client)
      return this.markerOf(client, lineage)
    })
    return { applied: this.applied }
  }

  async appliedIn(lineage: string): Promise<number> {
    return this.session.run(async client => {
      return (await this.hasCommits(client)) ? this.markerOf(client, lineage, 'FOR SHARE') : 0
    })
  }

  async apply(epoch: number | null, batches: Iterable<Batch>): Promise<void> {
    let tries = 0
    await this.session.run(async client => {
      tries += 1
      await client.query('BEGIN')
      if (epoch !== null && !(await this.mark(client, epoch, tries > 1))) {
        await client.query('ROLLBACK')
        return
      }
      await this.put(client, batches)
      failpoint('sink.commit', 'before')
      await client.query('COMMIT')
      failpoint('sink.commit', 'after')
    })
    if (epoch !== null) this.applied = epoch
  }

  close(): Promise<void> {
    return this.session.close()
  }

  /** Rows that are not added as they come are copied here first; the transaction ends and it is empty again. */
  private async prepare(client: pg.Client): Promise<void> {
    if (this.isPlain) return
    const { schema } = this.options
    const columns = schema.fields.map(({ name, type }) => {
      return `${quoted(name)} ${type.kind === 'binary' ? 'text' : (tableType(type)?.own ?? 'text')}`
    })
    const order = `${orderColumn} bigint GENERATED ALWAYS AS IDENTITY`
    await client.query(`CREATE TEMP TABLE ${copyTable} (${[...columns, order].join(', ')}) ON COMMIT DELETE ROWS`)
  }

  /** For share: a COMMIT of a host that is dead may be under way, and is waited for. */
  private async markerOf(client: pg.Client, lineage: string, lock: 'FOR SHARE' | '' = ''): Promise<number> {
    const { job, id } = this.options
    const { rows } = await client.query<{ epoch: string }>(
      `SELECT epoch FROM ${this.commits} WHERE job = $1 AND sink = $2 AND lineage = $3 ${lock}`,
      [job, id, lineage],
    )
    return Number(rows[0]?.epoch ?? 0)
  }

  private async hasCommits(client: pg.Client): Promise<boolean> {
    const { rows } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
      this.commits,
    ])
    return rows[0]?.found === true
  }

  /** Two sinks may make it at once, and one of them is told that it is there. */
  private async makeCommits(client: pg.Client): Promise<void> {
    if (await this.hasCommits(client)) return
    const columns = 'job text, sink text, lineage text, epoch bigint NOT NULL, PRIMARY KEY (job, sink, lineage)'
    await client.query(`CREATE TABLE IF NOT EXISTS ${this.commits} (${columns})`).catch((cause: unknown) => {
      const code = cause instanceof Error && 'code' in cause ? cause.code : null
      if (code !== '23505' && code !== '42P07') throw cause
    })
  }

  /** False where the epoch is applied. @throws StateError ANB6102 where another host applied it, or any other one */
  private async mark(client: pg.Client, epoch: number, isAgain: boolean): Promise<boolean> {
    const { job, id } = this.options
    failpoint('sink.marker', 'before')
    const { rowCount } = await client.query(
      `INSERT INTO ${this.commits} AS known (job, sink, lineage, epoch) VALUES ($1, $2, $3, $4)
       ON CONFLICT (job, sink, lineage) DO UPDATE SET epoch = excluded.epoch WHERE known.epoch = $5`,
      [job, id, this.lineage, epoch, this.applied],
    )
    failpoint('sink.marker', 'after')
    if (rowCount === 1) return true
    const marked = await this.markerOf(client, this.lineage)
    if (marked === epoch && (isAgain || epoch <= this.prepared)) return false
    throw this.isFenced(epoch, marked)
  }

  private isFenced(epoch: number, marked: number): StateError {
    const { place, applied } = this
    return new StateError(
      'ANB6102',
      `"${place}" has epoch ${marked} of this job, and this run wrote none behind ${applied}`,
      {
        detail: `Somebody else writes there: a copy of this output folder runs too. Nothing of epoch ${epoch} was written.`,
        hint: 'let one of both run, the one whose state is newer, and remove the other copy',
      },
    )
  }

  private async put(client: pg.Client, batches: Iterable<Batch>): Promise<void> {
    const { schema, table, encoder } = this.options
    const columns = schema.fields.map(field => quoted(field.name)).join(', ')
    const into = this.isPlain ? quotedTable(table) : copyTable
    function* encoded(): Iterable<Uint8Array> {
      // A copy: the stream keeps the bytes until the server takes them, the encoder's next call overwrites them.
      for (const batch of batches) yield Buffer.from(encoder.encode(batch))
    }
    await pipeline(encoded(), client.query(copyFrom(`COPY ${into} (${columns}) FROM STDIN WITH (FORMAT csv)`)))
    if (!this.isPlain) await client.query(this.moveOn())
  }

  /** Of the rows with one key the last one counts, in the order in which they came. */
  private moveOn(): string {
    const { schema, table, key } = this.options
    const names = schema.fields.map(field => quoted(field.name))
    const values = schema.fields.map(({ name, type }) => {
      return type.kind === 'binary' ? `decode(${quoted(name)}, 'base64')` : quoted(name)
    })
    const into = `INSERT INTO ${quotedTable(table)} (${names.join(', ')})`
    const keys = key.map(quoted).join(', ')
    if (key.length === 0) return `${into} SELECT ${values.join(', ')} FROM ${copyTable} ORDER BY ${orderColumn}`
    const rest = names.filter(name => !key.map(quoted).includes(name))
    const update =
      rest.length === 0 ? 'NOTHING' : `UPDATE SET ${rest.map(name => `${name} = excluded.${name}`).join(', ')}`
    const last = `SELECT DISTINCT ON (${keys}) ${values.join(', ')} FROM ${copyTable} ORDER BY ${keys}, ${orderColumn} DESC`
    return `${into} ${last} ON CONFLICT (${keys}) DO ${update}`
  }

  /**
   * Rows are copied into the table itself. Not where a key or bytes need a statement of their own; nor one column alone, where
   * a line may be the two characters that older servers take for the end.
   */
  private get isPlain(): boolean {
    const { key, schema } = this.options
    return key.length === 0 && schema.fields.length > 1 && schema.fields.every(({ type }) => type.kind !== 'binary')
  }
}
