import { type Clock, type Observer, type Sockets } from '../../base/index.js'
import { type LineEncoder } from '../../formats/index.js'
import { type Sink } from '../contract.js'

export interface SocketSinkOptions {
  /** `tcp://host:port` or `unix:///path` connects; the same with `?listen` waits for connections. */
  readonly address: string
  readonly sockets: Sockets
  readonly clock: Clock
  readonly observer: Observer
  readonly encoder: LineEncoder
  /** Milliseconds that the server may be away at start. Default 10,000. */
  readonly connectMs?: number
}
export declare function socketSink(options: SocketSinkOptions): Sink
