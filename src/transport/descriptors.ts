/**
 * Descriptors for a process that runs already: pairs of connected streams, and sending their ends over one of them. Node
 * gives a process descriptors only where it starts it. Linux only, as the mapping; where there is none, null.
 */
import { createRequire } from 'node:module'
import { platform } from 'node:process'

export interface Descriptors {
  /** Both ends of a new stream, not inherited by what is started; null where no descriptor is left. */
  pair(): readonly [number, number] | null
  /** Sends the bytes with the descriptors, both or neither; false where the socket takes nothing now. */
  send(socket: number, bytes: Uint8Array, descriptors: readonly number[]): boolean
}

/** AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC. */
const unix = 1
const streamClosedOnExec = 1 | 0o2000000
/** MSG_DONTWAIT | MSG_NOSIGNAL. */
const quietly = 0x40 | 0x4000
/** SOL_SOCKET, SCM_RIGHTS: the bytes beside the message are descriptors. */
const socketLevel = 1
const rights = 1
const headBytes = 16

let native: Descriptors | null | undefined

export function descriptors(): Descriptors | null {
  native ??= load()
  return native
}

function load(): Descriptors | null {
  if (platform !== 'linux') return null
  try {
    const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
    const c = koffi.load(null)
    const part = koffi.struct({ base: 'uint8_t *', bytes: 'size_t' })
    const message = koffi.struct({
      name: 'void *',
      nameBytes: 'uint32_t',
      parts: koffi.pointer(part),
      partCount: 'size_t',
      beside: 'uint8_t *',
      besideBytes: 'size_t',
      flags: 'int',
    })
    const socketpair = c.func('int socketpair(int domain, int type, int protocol, _Out_ int *ends)')
    const sendmsg = c.func('sendmsg', 'intptr_t', ['int', koffi.pointer(message), 'int'])
    return {
      pair: () => {
        const ends: [number, number] = [-1, -1]
        return socketpair(unix, streamClosedOnExec, 0, ends) === 0 ? ends : null
      },
      send: (socket, bytes, sent) => {
        const beside = rightsOf(sent)
        const what = { name: null, nameBytes: 0, parts: [{ base: bytes, bytes: bytes.length }], partCount: 1 }
        const taken: unknown = sendmsg(socket, { ...what, beside, besideBytes: beside.length, flags: 0 }, quietly)
        return Number(taken) === bytes.length
      },
    }
  } catch {
    return null
  }
}

/** One control message: its length (8 bytes), level, type, then the descriptors; filled up to 8 bytes. */
function rightsOf(sent: readonly number[]): Uint8Array {
  const bytes = headBytes + 4 * sent.length
  const view = new DataView(new ArrayBuffer(Math.ceil(bytes / 8) * 8))
  view.setUint32(0, bytes, true)
  view.setInt32(8, socketLevel, true)
  view.setInt32(12, rights, true)
  for (const [i, descriptor] of sent.entries()) view.setInt32(headBytes + 4 * i, descriptor, true)
  return new Uint8Array(view.buffer)
}
