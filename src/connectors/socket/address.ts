/** Socket addresses: `tcp://host:port` and `unix:///path` connect, the same with `?listen` waits for connections. */
import { PlanError } from '../../base/index.js'

export interface SocketAddress {
  /** As the user wrote it. */
  readonly text: string
  /** What the sockets of the world take: without `?listen`. */
  readonly plain: string
  readonly listen: boolean
}

/** Throws a PlanError (ANB1017). */
export function parseAddress(text: string): SocketAddress {
  const [plain = '', query, ...rest] = text.split('?')
  const known = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^\s:/?#[\]]+):\d{1,5}$/.test(plain) || /^unix:\/\/\/.+$/.test(plain)
  if (known && rest.length === 0 && (query === undefined || query === 'listen')) {
    return { text, plain, listen: query === 'listen' }
  }
  throw new PlanError('ANB1017', `socket address "${text}" cannot be understood`, {
    hint: 'write tcp://host:port or unix:///path, with ?listen at the end where the job is the server',
  })
}
