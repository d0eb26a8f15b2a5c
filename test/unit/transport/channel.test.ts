/** The socket, between two real peers in one process: order, ends, and what no worker of ours sends. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Dealer } from 'zeromq'
import { type ProtocolError } from '../../../src/base/index.js'
import { Channel } from '../../../src/transport/index.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'channel-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A bound channel, a peer, and what the channel told. */
async function pair(bytesMax = 2 ** 20): Promise<Ends> {
  const messages: Uint8Array[] = []
  const faults: ProtocolError[] = []
  let wake = (): void => undefined
  let gone = (): void => undefined
  const disconnected = new Promise<void>(resolve => {
    gone = resolve
  })
  const channel = new Channel(join(folder, 'w1'), bytesMax, {
    message: bytes => {
      messages.push(bytes)
      wake()
    },
    fault: error => {
      faults.push(error)
      wake()
    },
    disconnected: gone,
  })
  await channel.bind()
  const peer = new Dealer({ linger: 0 })
  peer.connect(channel.address)
  const heard = async (n: number): Promise<void> => {
    while (messages.length + faults.length < n) await new Promise<void>(resolve => (wake = resolve))
  }
  return { channel, peer, messages, faults, disconnected, heard }
}
interface Ends {
  readonly channel: Channel
  readonly peer: Dealer
  readonly messages: Uint8Array[]
  readonly faults: ProtocolError[]
  readonly disconnected: Promise<void>
  readonly heard: (n: number) => Promise<void>
}

describe('a channel', () => {
  it('carries many messages at once both ways, in order', async () => {
    const { channel, peer, messages, heard } = await pair()
    const numbers = Array.from({ length: 3_000 }, (_, i) => i)
    for (const i of numbers) channel.send(Buffer.from(`down ${i}`))
    for (const i of numbers) expect(String((await peer.receive())[0])).toBe(`down ${i}`)
    for (const i of numbers) await peer.send(`up ${i}`)
    await heard(numbers.length)
    expect(messages.map(String)).toEqual(numbers.map(i => `up ${i}`))
    peer.close()
    await channel.close()
  })

  it('queues what is sent before anybody is there, and drops it when it is closed', async () => {
    const channel = new Channel(join(folder, 'alone'), 1_000, {
      message: () => undefined,
      fault: () => undefined,
      disconnected: () => undefined,
    })
    for (let i = 0; i < 100; i += 1) channel.send(Buffer.from('nobody'))
    await channel.bind()
    await channel.close()
    await channel.close()
    expect(channel.queued).toBe(0)
    expect(existsSync(join(folder, 'alone'))).toBe(false)
  })

  it('leaves no socket file', async () => {
    const { channel, peer } = await pair()
    expect(existsSync(join(folder, 'w1'))).toBe(true)
    peer.close()
    await channel.close()
    expect(existsSync(join(folder, 'w1'))).toBe(false)
  })

  it('says that the peer is gone, and everything that the peer had sent comes before it is drained', async () => {
    const { channel, peer, messages, disconnected, heard } = await pair()
    await peer.send('first')
    await heard(1)
    for (let i = 0; i < 50; i += 1) await peer.send(`last ${i}`)
    // An ordered close: libzmq writes what it holds.
    peer.linger = 1_000
    peer.close()
    await channel.drained()
    await disconnected
    expect(messages).toHaveLength(51)
    await channel.close()
  })

  it('T7 refuses a message of several parts', async () => {
    const { channel, peer, faults, heard } = await pair()
    await peer.send(['one', 'two'])
    await heard(1)
    expect(faults.map(fault => fault.code)).toEqual(['ANB5001'])
    peer.close()
    await channel.close()
  })

  it('T7 loses a peer that sends more than it may, without taking the bytes', async () => {
    const { channel, peer, messages, disconnected } = await pair(1_000)
    await peer.send(Buffer.alloc(2_000))
    await disconnected
    expect(messages).toEqual([])
    peer.close()
    await channel.close()
  })

  it('T10 a path that is too long for a socket is refused with the limit and the way out', () => {
    const path = join(folder, 'x'.repeat(120))
    const make = (): Channel =>
      new Channel(path, 1_000, { message: () => undefined, fault: () => undefined, disconnected: () => undefined })
    expect(make).toThrow(`expected a socket path of at most 107 bytes, this one has ${path.length}`)
    expect(make).toThrow(expect.objectContaining({ code: 'ANB4006', hint: expect.stringContaining('XDG_RUNTIME_DIR') }))
  })
})
