/** Sockets that connect and that listen keep the contracts. */
import { createServer, connect, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silent } from '../../src/base/index.js'
import { noEpochs, socketSink, socketSource } from '../../src/connectors/index.js'
import { jsonDecoder, jsonEncoder } from '../../src/formats/index.js'
import { realClock } from '../../src/runtime/open/clock.js'
import { realSockets } from '../../src/runtime/open/sockets.js'
import { type MakeSink, type MakeSource, sinkCases, sourceCases } from '../../src/testing/index.js'
import { type Row, linesOf, numberedSchema, temporaryFolder } from '../support/connectors.js'
import { contract } from './contract.js'

const world = { sockets: realSockets, clock: realClock(), observer: silent }

/** A server on a unix socket of this test. */
async function serve(accepted: (peer: Socket) => void): Promise<{ server: Server; address: string }> {
  const path = join(temporaryFolder(), 's')
  const server = createServer(accepted)
  await new Promise<void>(resolve => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return { server, address: `unix://${path}` }
}

const connecting: MakeSource = async splits => {
  const { address } = await serve(peer => {
    peer.on('error', () => undefined)
    peer.end(splits.map(rows => linesOf(rows.map(row => ({ ...row })))).join(''))
  })
  return { source: socketSource({ ...world, address, decoder: () => jsonDecoder(numberedSchema) }) }
}

const rowsOfText = (text: string): readonly object[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line): Row => JSON.parse(line) as Row)

const sinkThatConnects: MakeSink = async () => {
  let text = ''
  let ended = (): void => undefined
  const end = new Promise<void>(resolve => {
    ended = resolve
  })
  const { address } = await serve(peer => {
    peer.on('data', bytes => {
      text += bytes.toString()
    })
    peer.on('end', ended)
  })
  const visible = (): Promise<readonly object[]> => end.then(() => rowsOfText(text))
  return { sink: socketSink({ ...world, address, encoder: jsonEncoder(numberedSchema) }), visible }
}

const sinkThatListens: MakeSink = async () => {
  const path = join(temporaryFolder(), 's')
  const made = socketSink({ ...world, address: `unix://${path}?listen`, encoder: jsonEncoder(numberedSchema) })
  let text = ''
  let closed: Promise<void> = Promise.resolve()
  const open = async (): Promise<void> => {
    await made.open(noEpochs)
    const peer = connect(path)
    peer.on('data', bytes => {
      text += bytes.toString()
    })
    closed = new Promise(resolve => peer.on('end', () => resolve()))
    await new Promise<void>(resolve => peer.on('connect', () => resolve()))
  }
  const sink = { open, write: made.write.bind(made), finish: made.finish.bind(made), abort: made.abort.bind(made) }
  return { sink, visible: () => closed.then(() => rowsOfText(text)) }
}

contract('a socket that connects keeps the contract of a source', sourceCases(connecting))
contract('a socket that connects keeps the contract of a sink', sinkCases(sinkThatConnects, 'at once'))
contract('a socket that listens keeps the contract of a sink', sinkCases(sinkThatListens, 'at once'))
