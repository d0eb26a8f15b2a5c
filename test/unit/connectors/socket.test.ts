/** Lines over sockets: as soon as they are there, with back-pressure both ways, and what happens when a peer goes. */
import { type Server, type Socket, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ByteStream, type Sockets, type StreamEvents, silent } from '../../../src/base/index.js'
import {
  type Polled,
  type Sink,
  type Source,
  noEpochs,
  socketSink,
  socketSource,
} from '../../../src/connectors/index.js'
import { jsonDecoder, jsonEncoder } from '../../../src/formats/index.js'
import { realClock } from '../../../src/runtime/open/clock.js'
import { realSockets } from '../../../src/runtime/open/sockets.js'
import {
  HandClock,
  batchOf,
  drainAll,
  linesOf,
  listening,
  numberedRows,
  numberedSchema,
  placesOf,
  refusal,
  rowsIn,
  rowsOfAll,
  temporaryFolder,
} from '../../support/connectors.js'

const limit = { rowsMax: 1000, bytesMax: 1 << 20 }
const real = { sockets: realSockets, clock: realClock(), observer: silent }
const decoder = (): ReturnType<typeof jsonDecoder> => jsonDecoder(numberedSchema)
const once = (peer: Socket | Server, event: string): Promise<void> =>
  new Promise(resolve => peer.once(event, () => resolve()))

async function opened<T extends Source | Sink>(made: T): Promise<T> {
  await ('close' in made ? made.open() : made.open(noEpochs))
  onTestFinished(async () => {
    if ('close' in made) await made.close()
    else await made.abort()
  })
  return made
}

async function dial(path: string): Promise<Socket> {
  const peer = connect(path)
  peer.on('error', () => undefined)
  onTestFinished(() => void peer.destroy())
  await once(peer, 'connect')
  return peer
}

async function listeningSource(): Promise<{ source: Source; path: string; address: string }> {
  const path = join(temporaryFolder(), 's')
  const address = `unix://${path}?listen`
  return { source: await opened(socketSource({ ...real, address, decoder })), path, address }
}

/** Sockets without a network: the test is the peer. */
class ScriptedSockets implements Sockets {
  readonly written: string[] = []
  readonly done: string[] = []
  events: StreamEvents | null = null
  takes = true
  flushed: () => void = () => undefined
  connects = 0
  constructor(private readonly refusals = 0) {}

  listen(): Promise<never> {
    return Promise.reject(new Error('EADDRINUSE: address already in use, listen'))
  }
  connect(_: string, events: StreamEvents): Promise<ByteStream> {
    this.connects += 1
    if (this.connects <= this.refusals) return Promise.reject(new Error('ECONNREFUSED: connection refused, connect'))
    this.events = events
    const note = (what: string) => (): void => void this.done.push(what)
    return Promise.resolve({
      write: bytes => {
        this.written.push(Buffer.from(bytes).toString())
        return this.takes
      },
      pause: note('pause'),
      resume: note('resume'),
      end: flushed => {
        note('end')()
        this.flushed = flushed ?? this.flushed
      },
      destroy: note('destroy'),
    })
  }
}
const scripted = (sockets: Sockets, clock = new HandClock()) => ({
  sockets,
  clock,
  observer: silent,
  address: 'tcp://h:1',
})

describe('a socket source that listens', () => {
  test('a row comes as soon as its line is whole, while the connection stays open', async () => {
    const { source, path, address } = await listeningSource()
    const peer = await dial(path)
    const first = source.poll(limit)
    peer.write('{"n":1}\n{"n":')
    const polled = await first
    expect(polled === null ? null : rowsIn(polled.batch)).toEqual([{ n: 1, word: null }])
    expect(placesOf(polled === null ? [] : [polled])).toEqual([`${address}#1:1`])
    const second = source.poll(limit)
    peer.write('2}\n')
    expect(placesOf([await second].filter(one => one !== null))).toEqual([`${address}#1:2`])
  })

  test('the last line of a connection counts without a newline, and others go on', async () => {
    const { source, path, address } = await listeningSource()
    const [one, two] = [await dial(path), await dial(path)]
    one.end('{"n":1}')
    const first = await source.poll(limit)
    two.write('{"n":2}\n')
    const second = await source.poll(limit)
    const places = [first, second].flatMap(polled => (polled === null ? [] : placesOf([polled])))
    expect(places.map(place => place.slice(address.length)).sort()).toEqual(['#1:1', '#2:1'])
  })

  test('a line that does not parse is told with its connection and line', async () => {
    const { source, path } = await listeningSource()
    const peer = await dial(path)
    peer.end('{"n":1}\nnonsense\n{"n":3}\n')
    const polled: Polled[] = []
    while (polled.reduce((sum, one) => sum + one.batch.rows, 0) < 2) {
      const one = await source.poll(limit)
      if (one !== null) polled.push(one)
    }
    expect(polled.flatMap(one => one.dead.map(dead => [dead.position, dead.text]))).toEqual([[2, 'nonsense']])
    expect(source.progress()).toMatchObject({ rows: 3, total: null, behind: 0 })
  })

  test('a drain gives the whole lines that have arrived, then the end', async () => {
    const { source, path } = await listeningSource()
    const peer = await dial(path)
    const first = source.poll({ rowsMax: 1, bytesMax: 1 << 20 })
    peer.write('{"n":1}\n{"n":2}\n{"n":3')
    expect((await first)?.batch.rows).toBe(1)
    source.drain()
    expect(rowsOfAll(await drainAll(source)).map(row => row['n'])).toEqual([2])
    const waiting = await listeningSource()
    const poll = waiting.source.poll(limit)
    waiting.source.drain()
    expect(await poll).toBeNull()
  })

  test('one peer that floods does not keep another one from its turn', async () => {
    const { source, path } = await listeningSource()
    const [flood, other] = [await dial(path), await dial(path)]
    flood.write(linesOf(numberedRows(0, 100_000)))
    other.write('{"n":-1}\n')
    let polls = 0
    for (let found = false; !found; polls += 1) {
      const polled = await source.poll({ rowsMax: 10, bytesMax: 1 << 20 })
      found = polled !== null && rowsIn(polled.batch)[0]?.['n'] === -1
      if (!found) await new Promise<void>(resolve => setImmediate(resolve))
    }
    expect(polls).toBeLessThan(200)
  })

  test('an address that is taken is refused with the reason', async () => {
    const { path } = await listeningSource()
    const second = socketSource({ ...real, address: `unix://${path}?listen`, decoder })
    const error = await refusal(() => second.open())
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4006'])
    expect(error.message).toContain('EADDRINUSE')
  })
})

describe('a socket source that connects', () => {
  test('tries a server that is away again, in growing steps, and then reads', async () => {
    const clock = new HandClock()
    const sockets = new ScriptedSockets(3)
    const source = socketSource({ ...scripted(sockets, clock), decoder })
    const open = source.open()
    for (const [ms, connects] of [
      [0, 1],
      [49, 1],
      [1, 2],
      [99, 2],
      [1, 3],
      [200, 4],
    ] as const) {
      clock.advance(ms)
      await new Promise<void>(resolve => setImmediate(resolve))
      expect(sockets.connects).toBe(connects)
    }
    await open
    sockets.events?.data(Buffer.from('{"n":1}\n'))
    expect((await source.poll(limit))?.batch.rows).toBe(1)
  })

  test('gives up after the limit', async () => {
    const clock = new HandClock()
    const source = socketSource({ ...scripted(new ScriptedSockets(1e9), clock), decoder, connectMs: 1_000 })
    const open = refusal(() => source.open())
    for (let i = 0; i < 30; i += 1) {
      clock.advance(100)
      await new Promise<void>(resolve => setImmediate(resolve))
    }
    const error = await open
    expect([error.code, error.message]).toEqual([
      'ANB4006',
      'could not connect to "tcp://h:1": connection refused (ECONNREFUSED)',
    ])
    expect(error.detail).toContain('1000 ms')
  })

  test('ends when the server closes; half a line of a connection that broke is not a row', async () => {
    const closed = new ScriptedSockets()
    const source = await opened(socketSource({ ...scripted(closed), decoder }))
    closed.events?.data(Buffer.from('{"n":1}\n{"n":2}'))
    closed.events?.closed()
    expect(rowsOfAll(await drainAll(source))).toHaveLength(2)

    const broken = new ScriptedSockets()
    const other = await opened(socketSource({ ...scripted(broken), decoder }))
    broken.events?.data(Buffer.from('{"n":1}\n{"n":2}'))
    broken.events?.closed(new Error('ECONNRESET: connection reset by peer, read'))
    expect((await other.poll(limit))?.batch.rows).toBe(1)
    const error = await refusal(() => other.poll(limit))
    expect([error.code, error.message.includes('ECONNRESET')]).toEqual(['ANB4006', true])
  })

  test('makes a peer wait that is 4 MiB ahead, and lets it go on when half is taken', async () => {
    const sockets = new ScriptedSockets()
    const source = await opened(socketSource({ ...scripted(sockets), decoder }))
    const lines = Buffer.from(linesOf(numberedRows(0, 20_000)))
    for (let sent = 0; sent < 5 * 1024 * 1024; sent += lines.length) sockets.events?.data(lines)
    expect(sockets.done[0]).toBe('pause')
    await source.poll(limit)
    expect(sockets.done).not.toContain('resume')
    for (let rows = 0; rows < 150_000; rows += 1000) await source.poll(limit)
    expect(sockets.done).toContain('resume')
  })

  test('takes a line that is longer than what makes a peer wait', async () => {
    const sockets = new ScriptedSockets()
    const source = await opened(socketSource({ ...scripted(sockets), decoder }))
    const poll = source.poll(limit)
    sockets.events?.data(Buffer.from('{"n":1,"word":"'))
    for (let i = 0; i < 6; i += 1) {
      sockets.events?.data(Buffer.alloc(1024 * 1024, 'x'))
      await new Promise<void>(resolve => setImmediate(resolve))
    }
    expect(sockets.done.filter(what => what === 'pause').length).toBe(
      sockets.done.filter(what => what === 'resume').length,
    )
    sockets.events?.data(Buffer.from('"}\n'))
    const polled = await poll
    expect(String(polled === null ? '' : rowsIn(polled.batch)[0]?.['word'])).toHaveLength(6 * 1024 * 1024)
  })
})

describe('a socket sink', () => {
  test('a peer that is behind makes the next write wait', async () => {
    const sockets = new ScriptedSockets()
    const sink = await opened(socketSink({ ...scripted(sockets), encoder: jsonEncoder(numberedSchema) }))
    sockets.takes = false
    let settled = false
    const write = sink.write(batchOf(numberedSchema, numberedRows(0, 2))).then(() => {
      settled = true
    })
    await new Promise<void>(resolve => setImmediate(resolve))
    expect([settled, sockets.written]).toEqual([false, [linesOf(numberedRows(0, 2))]])
    sockets.events?.drain()
    await write
  })

  test('a peer that is lost stops the job', async () => {
    const sockets = new ScriptedSockets()
    const sink = await opened(socketSink({ ...scripted(sockets), encoder: jsonEncoder(numberedSchema) }))
    sockets.takes = false
    const write = refusal(() => sink.write(batchOf(numberedSchema, numberedRows(0, 2))))
    sockets.events?.closed(new Error('EPIPE: broken pipe, write'))
    const error = await write
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4006'])
    expect(error.message).toBe('connection to "tcp://h:1" was lost: broken pipe (EPIPE)')
  })

  test('the end waits until all was taken, but not for a peer that keeps its side open', async () => {
    const clock = new HandClock()
    const sockets = new ScriptedSockets()
    const sink = await opened(socketSink({ ...scripted(sockets, clock), encoder: jsonEncoder(numberedSchema) }))
    await sink.write(batchOf(numberedSchema, numberedRows(0, 2)))
    const finish = sink.finish()
    await new Promise<void>(resolve => setImmediate(resolve))
    clock.advance(60_000)
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(sockets.done).toEqual(['end'])
    sockets.flushed()
    await new Promise<void>(resolve => setImmediate(resolve))
    clock.advance(200)
    expect(await finish).toEqual([{ path: 'tcp://h:1', rows: 2 }])
    expect(sockets.done).toEqual(['end', 'destroy'])
  })

  test('one that listens waits for a reader, gives each all lines, and goes on when one leaves', async () => {
    const path = join(temporaryFolder(), 's')
    const observer = listening()
    const encoder = jsonEncoder(numberedSchema)
    const sink = await opened(socketSink({ ...real, observer, address: `unix://${path}?listen`, encoder }))
    let settled = false
    const write = sink.write(batchOf(numberedSchema, numberedRows(0, 1))).then(() => {
      settled = true
    })
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(settled).toBe(false)
    const [leaves, stays] = [await dial(path), await dial(path)]
    await write
    let text = ''
    stays.on('data', bytes => {
      text += bytes.toString()
    })
    leaves.destroy()
    while (observer.lines.length === 0) await new Promise<void>(resolve => setImmediate(resolve))
    await sink.write(batchOf(numberedSchema, numberedRows(1, 3)))
    const ended = once(stays, 'end')
    await sink.finish()
    await ended
    expect(observer.lines).toHaveLength(1)
    expect(text).toBe(linesOf(numberedRows(text.includes('word 0') ? 0 : 1, 3)))
  })
})

test.each(['http://h:1', 'tcp://h', 'tcp://:1', 'unix://relative', 'tcp://h:1?wait', 'tcp://h:1?listen?listen', ''])(
  'the address %j is refused before anything is opened',
  async address => {
    const error = await refusal(() => socketSource({ ...real, address, decoder }))
    expect([error.class, error.code]).toEqual(['PlanError', 'ANB1017'])
  },
)

test('lines travel over tcp from a sink to a source', async () => {
  // Of this process alone, so that nobody takes the port when it is free again.
  const host = `127.${(process.pid >> 16) & 255}.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  const place = server.address()
  server.close()
  const port = typeof place === 'object' && place !== null ? place.port : 0
  const address = `tcp://${host}:${port}`
  const source = await opened(socketSource({ ...real, address: `${address}?listen`, decoder }))
  const sink = await opened(socketSink({ ...real, address, encoder: jsonEncoder(numberedSchema) }))
  for (let at = 0; at < 5000; at += 500) await sink.write(batchOf(numberedSchema, numberedRows(at, at + 500)))
  const finish = sink.finish()
  const polled: Polled[] = []
  while (source.progress().rows < 5000) {
    const one = await source.poll(limit)
    if (one !== null) polled.push(one)
  }
  await finish
  expect(rowsOfAll(polled)).toEqual(numberedRows(0, 5000))
})
