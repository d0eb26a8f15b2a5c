/**
 * Hostile replies: 20,000 damaged copies of what real Python workers answered, through the whole way of a reply: the
 * channel, the envelope, the outbox, the directory, the codec of the stage, to rows and state.
 *
 * What must hold. Each is refused with a ProtocolError or dropped as nobody's reply, in no time; or it is taken, and then
 * no row is lost, added, moved to another row's place or joined with another row, no key's state is another key's, and
 * only values of the very table whose values were damaged may be others. Where no value was damaged (the envelope, the
 * directory, what describes the columns, what lies between them), a reply that is taken is the undamaged one.
 *
 * What this does not say: a value that was changed in its place is a value. A frame has no check sum, since its two ends
 * are processes of one machine, and whoever is hostile can write a right sum over a wrong value.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Dealer } from 'zeromq'
import { ProtocolError } from '../../../src/base/index.js'
import { Channel, Message, readEnvelope } from '../../../src/transport/index.js'
import { BufferPool } from '../../../src/batch/index.js'
import { Outbox } from '../../../src/workers/index.js'
import { damaged, numbers } from '../../support/damage.js'
import { type Sample, contentOf, partsOf, sampleNames, samplesOf } from '../../support/replies.js'

const inAll = 20_000

let samples: ReadonlyMap<string, Sample> = new Map()
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'))
  samples = await samplesOf()
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

function sampleOf(name: string): Sample {
  const sample = samples.get(name)
  if (sample === undefined) throw new Error(`no sample ${name}`)
  return sample
}

type Heard = { readonly taken: ReadonlyMap<string, readonly string[]> } | { readonly refused: string }

/** As a worker's connection and its stage hear a message. */
function hear({ codec, asked, call }: Sample, message: Uint8Array): Heard {
  const outbox = new Outbox(null, new BufferPool(0))
  outbox.call(call, [], 0)
  try {
    const e = readEnvelope(message)
    const mine = e.job === call.job && e.incarnation === call.incarnation && outbox.answers(e)
    if (e.kind !== Message.done || !mine) return { refused: 'it is no reply to this call' }
    return { taken: partsOf(codec.reply(outbox.settle(e, message).tables, asked), asked.call) }
  } catch (error) {
    if (error instanceof ProtocolError) return { refused: error.message }
    throw error
  }
}

/** What is wrong about a reply that was taken, or null. */
function complaint(sample: Sample, bytes: Uint8Array, taken: ReadonlyMap<string, readonly string[]>): string | null {
  if (bytes.length !== sample.message.length) return 'it has another length'
  const hit = new Set<string>()
  const content = contentOf(sample.message)
  bytes.forEach((byte, at) => {
    if (byte !== sample.message[at]) hit.add(content(at) ?? 'frame')
  })
  for (const part of taken.keys()) if (!sample.parts.has(part)) return `${part} is new`
  for (const [part, before] of sample.parts) {
    const after = taken.get(part) ?? []
    if (after.length !== before.length) return `${part} has ${after.length} rows of ${before.length}`
    const same = after.every((text, i) => text === before[i])
    if (!same && !hit.has(part)) return `${part} has changed, and ${[...hit].join(', ')} was damaged`
  }
  return null
}

/** Sends all of them through a real socket; tells what was heard of each, in order. */
async function through(messages: readonly Uint8Array[], heard: (bytes: Uint8Array, i: number) => void): Promise<void> {
  let i = 0
  let wake: () => void = () => undefined
  const all = new Promise<void>((resolve, reject) => {
    wake = resolve
    const take = (bytes: Uint8Array): void => {
      try {
        heard(bytes, i)
      } catch (error) {
        reject(error)
      }
      i += 1
      if (i === messages.length) wake()
    }
    const channel = new Channel(join(folder, 'w'), 2 ** 20, {
      message: take,
      fault: () => take(new Uint8Array(0)),
      disconnected: () => undefined,
    })
    const peer = new Dealer({ linger: 0, sendHighWaterMark: 0 })
    const send = async (): Promise<void> => {
      await channel.bind()
      peer.connect(channel.address)
      for (const message of messages) await peer.send(message)
      await all.finally(() => peer.close())
      await channel.close()
    }
    send().catch(reject)
  })
  await all
}

describe('T7 a damaged reply', () => {
  test.for(sampleNames.map(name => [name] as const))('of %s is refused, or changes no row', async ([name]) => {
    const sample = sampleOf(name)
    const below = numbers(20_251_125)
    const mutants = Array.from({ length: Math.ceil(inAll / sampleNames.length) }, () => damaged(sample.message, below))
    const counts = { refused: 0, taken: 0 }
    const wrong: string[] = []
    await through(mutants, (bytes, i) => {
      expect(Buffer.compare(bytes, mutants[i] ?? bytes)).toBe(0)
      const found = hear(sample, bytes)
      counts['taken' in found ? 'taken' : 'refused'] += 1
      const said = 'taken' in found ? complaint(sample, bytes, found.taken) : null
      if (said !== null) wrong.push(`mutant ${i}: ${said}`)
    })
    expect(wrong).toEqual([])
    expect((counts.refused + counts.taken) * sampleNames.length).toBeGreaterThanOrEqual(inAll)
    // Most damage is noticed, and some hits what nobody reads, or a value.
    expect(counts.refused).toBeGreaterThan(mutants.length / 2)
    expect(counts.taken).toBeGreaterThan(mutants.length / 100)
  })

  test('is told from the reply itself, which is taken as it is', () => {
    for (const sample of samples.values()) expect(hear(sample, sample.message)).toEqual({ taken: sample.parts })
  })
})
