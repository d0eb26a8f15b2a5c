/**
 * The socket source: lines over tcp or a unix socket, as they arrive. It has no positions that could be read again,
 * so what a crash loses stays lost: at most once.
 *
 * A poll settles with the first whole line, so an idle stream adds no latency. Each connection has a decoder of its
 * own and is paused while it has more than 4 MiB that nobody took, which makes its peer wait. Connections take
 * turns. A line counts when its newline has come or its connection was closed in order; half a line of a connection
 * that broke, or that we stop, was never sent whole and is dropped.
 */
import { type ByteStream, type Clock, type Listener, type Observer, type Sockets } from '../../base/index.js'
import { type StreamEvents, atFailpoint } from '../../base/index.js'
import { type Decoder } from '../../formats/index.js'
import { type PollLimit, type Polled, type Source, type SourceProgress } from '../contract.js'
import { errnoText } from '../io-error.js'
import { type SocketAddress, parseAddress } from './address.js'
import { connectMsDefault, connectWithin, refused, whyOf } from './connect.js'

/** Bytes of one connection that wait before its peer has to. */
const pendingMax = 4 * 1024 * 1024

export interface SocketSourceOptions {
  /** `tcp://host:port` or `unix:///path` connects; the same with `?listen` waits for connections. */
  readonly address: string
  readonly sockets: Sockets
  readonly clock: Clock
  readonly observer: Observer
  /** One a connection. */
  readonly decoder: () => Decoder
  /** Milliseconds that the server may be away at start. Default 10,000. */
  readonly connectMs?: number
}

/**
 * Unbounded, not replayable. Where it connects, the server's closing ends the input; where it listens, only `drain`
 * does. Throws a PlanError (ANB1017) at once for an address that cannot be understood; `open` throws a
 * ConnectorError (ANB4006) where the server is away too long or the address is taken, `poll` where the connection
 * broke, after what had arrived.
 */
export function socketSource(options: SocketSourceOptions): Source {
  return new SocketSource(options, parseAddress(options.address))
}

interface Connection {
  /** The address, with the number of the connection where there are several. */
  readonly split: string
  readonly decoder: Decoder
  stream: ByteStream | null
  paused: boolean
  ended: boolean
}

class SocketSource implements Source {
  readonly bounded = false
  readonly replayable = false
  private readonly connections: Connection[] = []
  private listener: Listener | null = null
  private accepted = 0
  private turn = 0
  private rows = 0
  private bytes = 0
  private stopped = false
  private failure: unknown = null
  private wake: () => void = () => undefined

  constructor(
    private readonly options: SocketSourceOptions,
    private readonly address: SocketAddress,
  ) {}

  async open(): Promise<void> {
    if (this.address.listen) await this.listen()
    else await this.connect()
  }

  async poll(limit: PollLimit): Promise<Polled | null> {
    for (;;) {
      const polled = this.take(limit)
      if (polled !== null) return polled
      if (this.failure !== null) throw this.failure
      if (this.stopped || (!this.address.listen && this.connections.length === 0)) return null
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }

  /** Behind is what came; what the peer and the platform still have nobody says. */
  progress(): SourceProgress {
    const behind = this.connections.reduce((sum, { decoder }) => sum + decoder.pendingBytes, 0)
    return { rows: this.rows, done: this.bytes - behind, total: null, behind }
  }

  drain(): void {
    this.stopped = true
    this.listener?.close()
    this.listener = null
    for (const { stream } of this.connections) stream?.destroy()
    this.wake()
  }

  async close(): Promise<void> {
    this.drain()
    this.connections.length = 0
  }

  private async listen(): Promise<void> {
    try {
      this.listener = await this.options.sockets.listen(this.address.plain, stream => {
        this.accepted += 1
        const connection = this.add(`${this.address.text}#${this.accepted}`)
        connection.stream = stream
        return this.events(connection)
      })
    } catch (cause) {
      throw refused(this.address, `could not listen on "${this.address.text}": ${whyOf(cause)}`, { cause })
    }
  }

  private async connect(): Promise<void> {
    const { sockets, clock, connectMs: limitMs = connectMsDefault } = this.options
    const connection = this.add(this.address.text)
    const events = (): StreamEvents => this.events(connection)
    const stopped = (): boolean => this.stopped
    const stream = await connectWithin({ address: this.address, sockets, clock, limitMs, events, stopped })
    connection.stream = stream
    if (this.stopped) stream?.destroy()
  }

  private add(split: string): Connection {
    const connection = { split, decoder: this.options.decoder(), stream: null, paused: false, ended: false }
    this.connections.push(connection)
    return connection
  }

  private events(connection: Connection): StreamEvents {
    return {
      data: bytes => this.arrived(connection, bytes),
      drain: () => undefined,
      closed: cause => this.closed(connection, cause),
    }
  }

  private arrived(connection: Connection, bytes: Uint8Array): void {
    if (this.stopped) return
    this.bytes += bytes.length
    connection.decoder.space(bytes.length).set(bytes)
    connection.decoder.filled(bytes.length)
    if (connection.decoder.pendingBytes > pendingMax && connection.stream !== null) {
      connection.paused = true
      connection.stream.pause()
    }
    this.wake()
  }

  private closed(connection: Connection, cause: Error | undefined): void {
    connection.ended = true
    if (cause === undefined && !this.stopped) connection.decoder.finish()
    if (cause !== undefined && !this.stopped) this.lost(connection, cause)
    this.wake()
  }

  private lost(connection: Connection, cause: Error): void {
    const message = `connection "${connection.split}" broke: ${errnoText(cause)}`
    if (this.address.listen) this.options.observer.log('warning', message)
    else this.failure = refused(this.address, message, { cause })
  }

  /** The next lines of the connection whose turn it is, or of the next one that has some. */
  private take(limit: PollLimit): Polled | null {
    for (let tried = this.connections.length; tried > 0; tried -= 1) {
      const index = this.turn % this.connections.length
      const connection = this.connections[index]
      if (connection === undefined) return null
      const decoded = atFailpoint('source.decode', () => connection.decoder.next(limit.rowsMax))
      if (decoded === null && connection.ended) {
        this.connections.splice(index, 1)
        continue
      }
      this.turn = index + 1
      this.resume(connection, decoded === null)
      if (decoded === null) continue
      this.rows += decoded.batch.rows + decoded.dead.length
      const { batch, dead, firstPosition, positions, loan } = decoded
      return { batch, split: connection.split, firstPosition, positions, dead, loan }
    }
    return null
  }

  /** One line may be longer than what makes a peer wait: without a whole line the rest must come. */
  private resume(connection: Connection, withoutLine: boolean): void {
    if (!connection.paused || this.stopped) return
    if (!withoutLine && connection.decoder.pendingBytes > pendingMax / 2) return
    connection.paused = false
    connection.stream?.resume()
  }
}
