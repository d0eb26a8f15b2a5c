/** A stream of which the host made both ends, to give one of them away: what comes from there. */
import { Socket } from 'node:net'

export function ownStream(fd: number, take: (bytes: Uint8Array) => void): Socket {
  const socket = new Socket({ fd, readable: true, writable: false })
  // Whoever has the other end may be killed at any time; the close that follows says enough.
  socket.on('error', () => undefined)
  socket.on('data', bytes => take(typeof bytes === 'string' ? Buffer.from(bytes) : bytes))
  return socket
}
