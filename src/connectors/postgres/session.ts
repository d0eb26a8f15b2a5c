/**
 * A session with PostgreSQL that is made again when it is lost. What may work the next time is tried again: connections that
 * break or are refused, deadlocks, serialisation. Everything else is told with the server's words.
 */
import type pg from 'pg'
import { AnabranchError, type Clock, ConnectorError } from '../../base/index.js'
import { errnoOf, errnoText } from '../io-error.js'

/** How long the server may be away, in ms. */
const awayMsMax = 60_000
const backoffMs = { first: 50, most: 2_000 } as const
const connectMs = 10_000
const trying = `it is tried again for ${awayMsMax / 1_000} s, and rows wait`
const idleMs = 30_000

/** Loaded by the first connection: most jobs make none, and it is a seventh of what a command loads. */
let driver: typeof pg | null = null

export class Session {
  private client: pg.Client | null = null
  private closed = false

  constructor(
    private readonly options: {
      readonly url: string
      readonly clock: Clock
      /** As a person may see it: without what is secret. */
      readonly place: string
      /** Tells that the server is away, and that it is back. */
      readonly tell: (level: 'warning' | 'info', message: string) => void
      /** Runs on each new connection. */
      readonly prepare: (client: pg.Client) => Promise<void>
    },
  ) {}

  /** Does the work on a connection; again, on another one where it must be, while what stops it may pass. */
  async run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const { clock, place, tell } = this.options
    const began = clock.nowMs()
    let isAway = false
    for (let wait: number = backoffMs.first; ; wait = Math.min(wait * 2, backoffMs.most)) {
      try {
        const done = await work(await this.connected())
        if (isAway) tell('info', `PostgreSQL "${place}" is there again`)
        return done
      } catch (cause) {
        const lost = isLost(cause)
        // Of a transaction that failed nothing is kept, whatever it got to.
        this.drop()
        if (cause instanceof AnabranchError) throw cause
        if (!lost && !isPassing(cause)) throw this.refused(cause)
        if (this.closed || clock.nowMs() - began >= awayMsMax) throw this.away(cause)
        if (lost && !isAway) tell('warning', `PostgreSQL "${place}" is away: ${errnoText(cause)}; ${trying}`)
        isAway ||= lost
      }
      await new Promise<void>(resolve => void clock.after(wait, resolve))
    }
  }

  /** Can be called twice. */
  async close(): Promise<void> {
    this.closed = true
    const { client } = this
    this.client = null
    await client?.end().catch(() => undefined)
  }

  private async connected(): Promise<pg.Client> {
    if (this.client !== null) return this.client
    driver ??= (await import('pg')).default
    if (this.closed) throw new Error('nobody needs the connection any more')
    const client = new driver.Client({
      connectionString: this.options.url,
      application_name: 'anabranch',
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      // A host that was stopped in the middle holds the marker's row; the one that goes on waits no longer than this.
      idle_in_transaction_session_timeout: idleMs,
    })
    // What is under way hears of it too; without a listener it would end the process.
    client.on('error', () => undefined)
    this.client = client
    await client.connect()
    await this.options.prepare(client)
    return client
  }

  private drop(): void {
    const { client } = this
    this.client = null
    void client?.end().catch(() => undefined)
  }

  private away(cause: unknown): ConnectorError {
    const message = `PostgreSQL "${this.options.place}" is away: ${errnoText(cause)}`
    const detail = `It was tried again for ${awayMsMax / 1_000} s.`
    return new ConnectorError('ANB4031', message, { detail, cause })
  }

  private refused(cause: unknown): ConnectorError {
    const said = cause instanceof Error ? cause.message : String(cause)
    const { detail = '', table, column } = isOfDatabase(cause) ? cause : {}
    const where = [table, column].filter(name => name !== undefined).join('.')
    const state = stateOf(cause)
    const message = `PostgreSQL "${this.options.place}" refused: ${said}${state === null ? '' : ` (SQLSTATE ${state})`}`
    return new ConnectorError('ANB4032', message, { detail: [where, detail].filter(Boolean).join(': '), cause })
  }
}

const isOfDatabase = (cause: unknown): cause is pg.DatabaseError =>
  driver !== null && cause instanceof driver.DatabaseError

const stateOf = (cause: unknown): string | null => (isOfDatabase(cause) ? (cause.code ?? null) : null)

/** Deadlock, serialisation, too many connections, a server that starts or stops. */
const isPassing = (cause: unknown): boolean => /^(40001|40P01|53300|57P0[123])$/.test(stateOf(cause) ?? '')

const lostErrnos: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOENT',
])

/** The connection broke: nobody knows whether what was asked for last was done. */
function isLost(cause: unknown): boolean {
  if (/^08/.test(stateOf(cause) ?? '')) return true
  if (lostErrnos.has(errnoOf(cause) ?? '')) return true
  return (
    cause instanceof Error && /connection terminated|timeout expired|not queryable|stream.*closed/i.test(cause.message)
  )
}
