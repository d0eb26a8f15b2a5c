/**
 * Channel: the one socket between the host and one worker, a DEALER bound on ipc in the run's private folder.
 *
 * ZeroMQ tells nobody when a sent buffer is free, so what is given to `send` is never written again. One send and one
 * receive may be pending at a time: sends stand in a queue, one loop receives. Liveness is libzmq's own heartbeat, on
 * its own thread on both sides, so neither a busy event loop here nor a busy interpreter there looks like a death.
 * Everything that libzmq rejects on close is caught: a dying worker never makes an unhandled rejection.
 */
import { rmSync } from 'node:fs'
import { Dealer, type Message as ZmqMessage } from 'zeromq'
import { ConnectorError, type ProtocolError, invariant } from '../base/index.js'
import { refused } from './envelope.js'

export interface ChannelEvents {
  /** One received message, ours to keep; its start may be at any alignment. */
  message(bytes: Uint8Array): void
  /** Something that no worker of ours sends: more than one part, nothing at all. */
  fault(error: ProtocolError): void
  /** The connection is gone: the process died, closed its descriptors, or did not answer heartbeats. Told once. */
  disconnected(): void
}

/** Longest path of an ipc socket in bytes (sun_path has 108 with its closing 0). */
export const socketPathBytesMax = 107
/** Messages that wait for the peer; calls are bounded by credits long before. */
export const sendsQueuedMax = 4096
/** Messages that libzmq holds for us while our event loop stands still; the worker's log rate times a minute. */
export const receivesQueuedMax = 16_384
/** Longest wait for libzmq to notice that a dead process is gone; it takes 2 ms, and 10 on a busy machine. */
export const drainMsMax = 100

export interface Heartbeat {
  readonly everyMs: number
  /** Without an answer for so long the peer is gone. */
  readonly timeoutMs: number
}
export const heartbeat: Heartbeat = { everyMs: 1_000, timeoutMs: 20_000 }

export class Channel {
  private readonly socket: Dealer
  private readonly waiting: Uint8Array[] = []
  private sending = false
  private bound = false
  private closed = false
  private gone = false
  private connected = false
  private closing: Promise<void> | null = null
  private loop: Promise<void> = Promise.resolve()
  /** Messages read so far. */
  received = 0

  /** Nothing happens before `bind`. @throws ConnectorError ANB4006 where the path is too long for a socket. */
  constructor(
    private readonly path: string,
    messageBytesMax: number,
    private readonly events: ChannelEvents,
    { everyMs, timeoutMs }: Heartbeat = heartbeat,
  ) {
    const bytes = Buffer.byteLength(path)
    if (bytes > socketPathBytesMax) {
      throw new ConnectorError(
        'ANB4006',
        `expected a socket path of at most ${socketPathBytesMax} bytes, this one has ${bytes}`,
        { detail: `the path is ${path}`, hint: 'set XDG_RUNTIME_DIR or TMPDIR to a shorter folder' },
      )
    }
    this.socket = openSocket(socket => {
      socket.linger = 0
      socket.maxMessageSize = messageBytesMax
      socket.receiveHighWaterMark = receivesQueuedMax
      socket.heartbeatInterval = everyMs
      socket.heartbeatTimeout = timeoutMs
      socket.heartbeatTimeToLive = timeoutMs
      socket.events.on('accept', () => {
        this.connected = true
      })
      socket.events.on('disconnect', () => this.lose())
    })
  }

  get address(): string {
    return `ipc://${this.path}`
  }

  /** Begins to listen and to receive. @throws ConnectorError ANB4006 */
  async bind(): Promise<void> {
    try {
      await this.socket.bind(this.address)
    } catch (cause) {
      if (this.closed) return
      throw new ConnectorError('ANB4006', `expected to open the socket ${this.path}, the system refused`, { cause })
    }
    if (this.closed) return removeSocket(this.path)
    this.bound = true
    this.loop = this.receive()
    this.flush()
  }

  /** Queues one message. The bytes belong to the socket from now on. A closed channel drops it. */
  send(bytes: Uint8Array): void {
    if (this.closed || this.gone) return
    invariant(this.waiting.length < sendsQueuedMax, `no more than ${sendsQueuedMax} messages wait for a worker`)
    this.waiting.push(bytes)
    this.flush()
  }

  /** Messages that libzmq has not taken yet. */
  get queued(): number {
    return this.waiting.length
  }

  /**
   * After the peer has ended: resolves when everything that it sent has been told. What a process wrote before it died
   * is in the kernel; libzmq reads it to its end, says `disconnect`, and our loop gets the rest within a turn.
   */
  async drained(): Promise<void> {
    const until = performance.now() + drainMsMax
    while (this.connected && !this.gone && performance.now() < until) await turn()
    for (let seen = -1, quiet = 0; quiet < 2; seen = this.received) {
      quiet = seen === this.received ? quiet + 1 : 0
      await turn()
    }
  }

  /** Closes the socket, awaits the pending receive and removes the socket file. Callable twice. */
  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  private async shut(): Promise<void> {
    this.closed = true
    this.waiting.length = 0
    this.socket.close()
    await this.loop
    if (this.bound) removeSocket(this.path)
  }

  private flush(): void {
    if (this.sending || !this.bound) return
    const next = this.waiting.shift()
    if (next === undefined) return
    this.sending = true
    // libzmq takes the bytes in this very call where it has room; the promise only says so.
    this.socket.send(next).then(
      () => {
        this.sending = false
        this.flush()
      },
      () => {
        // Only close() and a lost peer reject a send, and both are told elsewhere.
        this.sending = false
      },
    )
  }

  private async receive(): Promise<void> {
    while (!this.closed) {
      let parts: ZmqMessage[]
      try {
        parts = await this.socket.receive()
      } catch {
        // EAGAIN: the socket was closed under the pending receive.
        return
      }
      const first = parts[0]
      this.received += 1
      if (this.closed) return
      if (parts.length !== 1 || first === undefined) {
        this.events.fault(refused('one part a message', `${parts.length}`))
      } else {
        this.events.message(first)
      }
    }
  }

  private lose(): void {
    if (this.closed || this.gone) return
    this.gone = true
    this.waiting.length = 0
    this.events.disconnected()
  }
}

/** `equip` is in it, since the first look at a socket's events opens another one. */
function openSocket(equip: (socket: Dealer) => void): Dealer {
  try {
    const socket = new Dealer()
    equip(socket)
    return socket
  } catch (cause) {
    throw new ConnectorError('ANB8004', 'expected a socket for one more worker, the system has none left', {
      cause,
      hint: 'raise the number of open files: ulimit -n 4096',
    })
  }
}

/** One turn of the event loop, its poll included. */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function removeSocket(path: string): void {
  rmSync(path, { force: true })
}
