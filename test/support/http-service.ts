/**
 * A real HTTP service on loopback that counts what it is asked, and goes wrong as a test says.
 *
 * It answers `GET /ID` with twice the id. How many calls were in flight at once is its own count: with `rendezvous: n`
 * it answers nobody until n calls are there together, so a client that cannot do that never gets an answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'

/**
 * `busy` is 503; `gone` is 404; `cut` ends the connection in the middle of the body; `hang` never answers; `away` cuts all
 * connections and refuses new ones for a while.
 */
export type Fault = 'busy' | 'gone' | 'cut' | 'hang' | 'away'

export interface HttpService extends AsyncDisposable {
  readonly port: number
  /** The most calls that were in flight at the same time. */
  readonly most: number
  /** Calls that have neither been answered nor given up by who asked. */
  readonly inFlight: number
  /** The ids that were asked for, in order, once for each call. */
  readonly asked: readonly number[]
  /** Answers what is held, and holds nothing any more. */
  release(): void
}

export interface HttpServiceOptions {
  readonly rendezvous?: number
  /** What the n-th call for this id, counted from 1, meets; null: an answer. */
  fault?(id: number, nth: number): Fault | null
  /** The answer for this id waits until `release`. */
  readonly holds?: number
  /** Milliseconds that an answer takes. */
  readonly slowMs?: number
}

const awayMs = 200

export async function httpService(options: HttpServiceOptions = {}): Promise<HttpService> {
  const { rendezvous = 0, fault = () => null, slowMs = 0, holds } = options
  const asked: number[] = []
  const waiting: (() => void)[] = []
  const held: (() => void)[] = []
  let released = false
  let [inFlight, most] = [0, 0]

  const answer = (id: number, nth: number, response: ServerResponse): void => {
    const met = fault(id, nth)
    if (met === null) response.end(String(id * 2))
    else if (met === 'busy') response.writeHead(503, { 'content-length': '0' }).end()
    else if (met === 'gone') response.writeHead(404, { 'content-length': '0' }).end()
    else if (met === 'cut') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half of i', () => response.destroy())
    } else if (met === 'away') goAway()
  }
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const id = Number(request.url?.slice(1))
    asked.push(id)
    const nth = asked.filter(one => one === id).length
    inFlight += 1
    most = Math.max(most, inFlight)
    response.on('close', () => {
      inFlight -= 1
    })
    const ready = (): void => void setTimeout(() => answer(id, nth, response), slowMs)
    if (id === holds && !released) return void held.push(ready)
    if (most >= rendezvous) for (const go of [...waiting.splice(0), ready]) go()
    else waiting.push(ready)
  })
  const listen = (port: number): Promise<void> => new Promise(done => server.listen(port, '127.0.0.1', done))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const goAway = (): void => {
    server.close(() => setTimeout(() => void listen(port), awayMs))
    server.closeAllConnections()
  }
  return {
    port,
    get most() {
      return most
    },
    get inFlight() {
      return inFlight
    },
    asked,
    release() {
      released = true
      for (const go of held.splice(0)) go()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}
