/** The metrics of a run: listens to its observer, and answers `GET /metrics` on loopback while it lives. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import { ConnectorError, type Observer } from '../base/index.js'
import { type Attendant, type RunningJob } from '../runtime/index.js'
import { contentType, exposition } from './exposition.js'
import { type Reading, metrics } from './families.js'

const loopback = '127.0.0.1'
/** A page of another site may have its own name point here: who asks has to have meant this machine. */
const hosts = /^(127\.0\.0\.1|localhost)(:\d+)?$/
/** Names of counters that one run may have; user code chooses some of them. */
const namesMax = 1_000
const user = 'user.'

export class Metrics {
  private readonly events = new Map<string, number>()
  private readonly userCounters = new Map<string, number>()

  /** `port` 0: one that is free. `listening` is told where. */
  constructor(
    private readonly port: number,
    private readonly listening: (address: string) => void,
  ) {}

  /** Hears what the observer is told, and tells it. */
  observing(observer: Observer): Observer {
    return {
      log: observer.log.bind(observer),
      count: (name, by = 1, labels) => {
        if (name.startsWith(user)) add(this.userCounters, name.slice(user.length), by)
        else add(this.events, name, by)
        observer.count(name, by, labels)
      },
    }
  }

  /** Serves while a run lives. Throws a ConnectorError (ANB4006) where the port cannot be had. */
  readonly serving: Attendant = async job => {
    const server = createServer((request, response) => this.answer(job, request, response))
    this.listening(await listen(server, this.port))
    return {
      close: () =>
        new Promise(resolve => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    }
  }

  private answer(job: RunningJob, request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').split('?')[0]
    if (!hosts.test(request.headers.host ?? '')) return refuse(response, 403, 'ask 127.0.0.1')
    if (path !== '/metrics') return refuse(response, 404, 'there is only /metrics')
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'GET it')
    const status = job.status()
    const { user: userUs, system } = process.cpuUsage()
    const host = { rssBytes: process.memoryUsage.rss(), cpuSeconds: (userUs + system) / 1e6 }
    const reading: Reading = { status, events: this.events, userCounters: this.userCounters, host }
    const text = exposition(
      metrics.map(metric => [metric, metric.read(reading)]),
      { pipeline: status.job },
    )
    response.writeHead(200, { 'content-type': contentType }).end(text)
  }
}

function refuse(response: ServerResponse, code: number, words: string): void {
  response.writeHead(code, { 'content-type': 'text/plain' }).end(`${words}\n`)
}

function add(counters: Map<string, number>, name: string, by: number): void {
  const before = counters.get(name)
  if (before === undefined && counters.size >= namesMax) return
  counters.set(name, (before ?? 0) + by)
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => {
      const message = `could not serve metrics on ${loopback}:${port}: ${cause.message}`
      reject(
        new ConnectorError('ANB4006', message, { cause, hint: 'give another --metrics-port, or 0 for a free one' }),
      )
    })
    server.listen(port, loopback, () => {
      const address = server.address()
      const at = typeof address === 'object' && address !== null ? address.port : port
      resolve(`http://${loopback}:${at}/metrics`)
    })
  })
}
