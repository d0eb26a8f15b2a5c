import { type Clock, type Observer, type Sockets } from '../../base/index.js'
import { type LineDecoder } from '../../formats/index.js'
import { type Source } from '../contract.js'

export interface SocketSourceOptions {
  /** `tcp://host:port` or `unix:///path` connects; the same with `?listen` waits for connections. */
  readonly address: string
  readonly sockets: Sockets
  readonly clock: Clock
  readonly observer: Observer
  /** One a connection. */
  readonly decoder: () => LineDecoder
  /** Milliseconds that the server may be away at start. Default 10,000. */
  readonly connectMs?: number
}
export declare function socketSource(options: SocketSourceOptions): Source
