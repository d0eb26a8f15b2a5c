/** Opening sockets: a server that is away at start is tried again, in growing steps, for a limited time. */
import { type ByteStream, type Clock, ConnectorError, type Sockets, type StreamEvents } from '../../base/index.js'
import { errnoText } from '../io-error.js'
import { type SocketAddress } from './address.js'

export const connectMsDefault = 10_000
const firstPauseMs = 50
const longestPauseMs = 1_000

/** Throws a ConnectorError (ANB4006) when nobody answered within `limitMs`. */
export async function connectWithin(options: {
  readonly address: SocketAddress
  readonly sockets: Sockets
  readonly clock: Clock
  readonly limitMs: number
  readonly events: () => StreamEvents
  /** True once nobody wants the connection any more. */
  readonly stopped: () => boolean
}): Promise<ByteStream | null> {
  const { address, sockets, clock, limitMs } = options
  const until = clock.nowMs() + limitMs
  for (let pause = firstPauseMs; !options.stopped(); pause = Math.min(longestPauseMs, pause * 2)) {
    try {
      return await sockets.connect(address.plain, options.events())
    } catch (cause) {
      if (clock.nowMs() + pause > until) {
        const detail = `It was tried for ${limitMs} ms.`
        throw refused(address, `could not connect to "${address.text}": ${whyOf(cause)}`, { cause, detail })
      }
      await new Promise<void>(resolve => clock.after(pause, resolve))
    }
  }
  return null
}

/** What the platform said, under whatever the world wrapped it in. */
export const whyOf = (cause: unknown): string =>
  errnoText(cause instanceof ConnectorError && cause.cause !== undefined ? cause.cause : cause)

export const refused = (
  address: SocketAddress,
  message: string,
  parts: { readonly cause?: unknown; readonly detail?: string } = {},
): ConnectorError => new ConnectorError('ANB4006', message, { ...parts, hint: hintFor(address) })

function hintFor({ listen, plain }: SocketAddress): string {
  if (!listen) return 'check the address, and that its server runs'
  const left = plain.startsWith('unix:') ? '; remove the file if a process that was killed left it' : ''
  return `check that nobody else listens there and that it may be used${left}`
}
