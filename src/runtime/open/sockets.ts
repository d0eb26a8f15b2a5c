/** The real byte streams: tcp and unix sockets of node:net, behind addresses `tcp://host:port` and `unix:///path`. */
import { type NetConnectOpts, type Socket, connect, createServer } from 'node:net'
import { type ByteStream, ConnectorError, type Sockets, type StreamEvents } from '../../base/index.js'

export const realSockets: Sockets = {
  listen: (address, opened) =>
    new Promise((resolve, reject) => {
      const live = new Set<Socket>()
      const server = createServer(socket => {
        live.add(socket)
        socket.once('close', () => live.delete(socket))
        attach(socket, opened(streamOf(socket)))
      })
      server.once('error', cause => reject(refusal('listen on', address, cause)))
      server.listen(place(address), () => {
        resolve({
          close: () => {
            server.close()
            for (const socket of live) socket.destroy()
          },
        })
      })
    }),
  connect: (address, events) =>
    new Promise((resolve, reject) => {
      const socket = connect(place(address))
      const refuse = (cause: Error): void => reject(refusal('connect to', address, cause))
      socket.once('error', refuse)
      socket.once('connect', () => {
        socket.off('error', refuse)
        attach(socket, events)
        resolve(streamOf(socket))
      })
    }),
}

function attach(socket: Socket, events: StreamEvents): void {
  let cause: Error | undefined
  socket.on('data', bytes => events.data(typeof bytes === 'string' ? Buffer.from(bytes) : bytes))
  socket.on('drain', () => events.drain())
  socket.on('error', error => {
    cause = error
  })
  socket.once('close', () => events.closed(cause))
}

function streamOf(socket: Socket): ByteStream {
  socket.setNoDelay(true)
  return {
    write: bytes => socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: flushed => void socket.end(flushed),
    destroy: () => void socket.destroy(),
  }
}

function place(address: string): NetConnectOpts {
  if (address.startsWith('unix://')) return { path: address.slice('unix://'.length) }
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+)$/.exec(address)
  const port = Number(tcp?.[2])
  if (tcp?.[1] === undefined || port > 65_535) {
    throw new ConnectorError('ANB4006', `expected tcp://host:port or unix:///path, "${address}" came`)
  }
  return { host: tcp[1].replace(/^\[|\]$/g, ''), port }
}

function refusal(what: string, address: string, cause: Error): ConnectorError {
  return new ConnectorError('ANB4006', `could not ${what} ${address}: ${cause.message}`, { cause })
}
