/**
 * A real HTTP service on loopback as a sink of Python meets one: `PUT /KEY` with `{"rows": [...], "bytes": "sha256 of the Arrow bytes"}`
 * stores rows under their key, once. It notes every call, and goes wrong as a test says.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'

/**
 * `cut` ends the connection and stores nothing; `lost` stores, and ends it before the answer; `hang` stores and never answers; `busy` is
 * 503; `die` stores and answers 299, for which the client kills its own process.
 */
export type PushFault = 'cut' | 'lost' | 'hang' | 'busy' | 'die'

export interface Pushed {
  readonly key: string
  readonly rows: readonly number[]
  /** What tells two calls apart that should be the same. */
  readonly bytes: string
}
export interface PushService extends AsyncDisposable {
  readonly port: number
  /** Every call that arrived whole, in order. */
  readonly calls: readonly Pushed[]
  /** What is stored: the rows of each key, in the order in which the keys came first. */
  readonly stored: readonly number[]
}

/** `fault` is told the key and how often it came, from 1. */
export async function pushService(
  fault: (key: string, nth: number) => PushFault | null = () => null,
): Promise<PushService> {
  const calls: Pushed[] = []
  const stored = new Map<string, readonly number[]>()
  const take = (key: string, body: string, response: ServerResponse): void => {
    const { rows, bytes } = JSON.parse(body) as { readonly rows: readonly number[]; readonly bytes: string }
    calls.push({ key, rows, bytes })
    const met = fault(key, calls.filter(call => call.key === key).length)
    if (met === 'cut') return void response.destroy()
    if (met === 'busy') return void response.writeHead(503).end()
    if (!stored.has(key)) stored.set(key, rows)
    if (met === 'lost') response.destroy()
    else if (met !== 'hang') response.writeHead(met === 'die' ? 299 : 200).end()
  }
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => take(request.url?.slice(1) ?? '', Buffer.concat(parts).toString(), response))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    get stored() {
      return [...stored.values()].flat()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}
