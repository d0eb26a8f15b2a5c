/**
 * The socket sink: JSON lines to whoever is there. Where it connects, there is one peer, and losing it stops the
 * job; where it listens, every peer gets every line from when it came, and a write waits until there is one.
 *
 * A peer that reads slowly makes `write` wait, so at most one batch and what the platform buffers lies in memory.
 * Nothing acknowledges a line: at most once.
 */
import {
  type ByteStream,
  type Clock,
  type Listener,
  type Observer,
  type Sockets,
  type StreamEvents,
} from '../../base/index.js'
import { type Batch } from '../../batch/index.js'
import { type Encoder } from '../../formats/index.js'
import { type Prepared, type Sink, type SinkFile, type SinkStart } from '../contract.js'
import { errnoText } from '../io-error.js'
import { fieldsOf } from '../json.js'
import { type SocketAddress, parseAddress } from './address.js'
import { connectMsDefault, connectWithin, refused, whyOf } from './connect.js'

/** How long a peer may take to close its side after it was sent everything; then we close for both. */
const closeMs = 200

export interface SocketSinkOptions {
  /** `tcp://host:port` or `unix:///path` connects; the same with `?listen` waits for connections. */
  readonly address: string
  readonly sockets: Sockets
  readonly clock: Clock
  readonly observer: Observer
  readonly encoder: Encoder
  /** Milliseconds that the server may be away at start. Default 10,000. */
  readonly connectMs?: number
}

/**
 * Throws a PlanError (ANB1017) at once for an address that cannot be understood; `open` throws a ConnectorError
 * (ANB4006) where the server is away too long or the address is taken, `write` and `finish` where it was lost.
 */
export function socketSink(options: SocketSinkOptions): Sink {
  return new SocketSink(options, parseAddress(options.address))
}

interface Peer {
  stream: ByteStream | null
  /** It has not taken all that was written. */
  behind: boolean
}

class SocketSink implements Sink {
  private readonly peers = new Set<Peer>()
  private listener: Listener | null = null
  private rows = 0
  private closing = false
  private failure: unknown = null
  private readonly waiters = new Set<() => void>()

  constructor(
    private readonly options: SocketSinkOptions,
    private readonly address: SocketAddress,
  ) {}

  /** Of a run that goes on, the rows before it count. */
  async open({ prepared }: SinkStart): Promise<{ readonly applied: null }> {
    this.rows = Number(fieldsOf(prepared)?.['rows'] ?? 0)
    await (this.address.listen ? this.listen() : this.connect())
    return { applied: null }
  }

  private async connect(): Promise<void> {
    const { sockets, clock, connectMs: limitMs = connectMsDefault } = this.options
    const peer: Peer = { stream: null, behind: false }
    const events = (): StreamEvents => this.events(peer)
    const stopped = (): boolean => this.closing
    peer.stream = await connectWithin({ address: this.address, sockets, clock, limitMs, events, stopped })
    if (this.closing) peer.stream?.destroy()
    else this.peers.add(peer)
  }

  async write(batch: Batch): Promise<void> {
    if (batch.rows === 0) return
    await this.until(() => this.peers.size > 0)
    if (this.closing) return
    // A copy: the platform may keep the bytes until the peer takes them, the encoder's next call overwrites them.
    const bytes = Uint8Array.from(this.options.encoder.encode(batch))
    for (const peer of this.peers) peer.behind = peer.stream?.write(bytes) === false
    this.rows += batch.rows
    await this.caughtUp()
  }

  /** Nothing can be made to wait: what was written is with the peer or lost with it. */
  async prepare(): Promise<Prepared> {
    return { rows: this.rows }
  }

  async commit(): Promise<void> {}

  async finish(): Promise<readonly SinkFile[]> {
    if (!this.closing) {
      await this.caughtUp()
      this.closing = true
      await this.endAll()
      // Not before: closing a listener may cut the connections that it accepted.
      this.listener?.close()
      this.listener = null
    }
    return this.written()
  }

  async abort(): Promise<readonly SinkFile[]> {
    this.closing = true
    this.listener?.close()
    this.listener = null
    this.destroyAll()
    this.changed()
    return this.written()
  }

  private written(): readonly SinkFile[] {
    return [{ path: this.address.text, rows: this.rows }]
  }

  private async listen(): Promise<void> {
    try {
      this.listener = await this.options.sockets.listen(this.address.plain, stream => {
        const peer: Peer = { stream, behind: false }
        if (this.closing) stream.destroy()
        else this.peers.add(peer)
        this.changed()
        return this.events(peer)
      })
    } catch (cause) {
      throw refused(this.address, `could not listen on "${this.address.text}": ${whyOf(cause)}`, { cause })
    }
  }

  private events(peer: Peer): StreamEvents {
    return {
      data: () => undefined,
      drain: () => {
        peer.behind = false
        this.changed()
      },
      closed: cause => this.closed(peer, cause),
    }
  }

  private closed(peer: Peer, cause: Error | undefined): void {
    this.peers.delete(peer)
    const why = cause === undefined ? 'it was closed' : errnoText(cause)
    const message = `"${this.address.text}" was lost: ${why}`
    if (this.address.listen) {
      if (!this.closing) this.options.observer.log('warning', `a reader of ${message}`)
    } else if (!this.closing || cause !== undefined) {
      this.failure ??= refused(this.address, `connection to ${message}`, { cause })
    }
    this.changed()
  }

  private caughtUp(): Promise<void> {
    return this.until(() => [...this.peers].every(peer => !peer.behind))
  }

  /** All that was written is with the platform; a peer that keeps its side open does not keep the job. */
  private async endAll(): Promise<void> {
    const unflushed = new Set(this.peers)
    for (const peer of this.peers) {
      peer.stream?.end(() => {
        unflushed.delete(peer)
        this.changed()
      })
    }
    await this.until(() => [...unflushed].every(peer => !this.peers.has(peer)))
    let late = false
    const cancel = this.options.clock.after(closeMs, () => {
      late = true
      this.changed()
    })
    await this.until(() => late || this.peers.size === 0)
    cancel()
    this.destroyAll()
  }

  private async until(reached: () => boolean): Promise<void> {
    for (;;) {
      if (this.failure !== null) throw this.failure
      if (reached()) return
      await new Promise<void>(resolve => this.waiters.add(resolve))
    }
  }

  private changed(): void {
    const waiters = [...this.waiters]
    this.waiters.clear()
    for (const wake of waiters) wake()
  }

  private destroyAll(): void {
    for (const { stream } of this.peers) stream?.destroy()
    this.peers.clear()
  }
}
