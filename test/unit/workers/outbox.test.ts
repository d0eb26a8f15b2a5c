/** The calls that are out at one worker: where their bodies lie, and which reply is read. */
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../src/base/index.js'
import { BufferPool } from '../../../src/batch/index.js'
import {
  type CallEnvelope,
  type Envelope,
  Message,
  Table,
  bytesPart,
  decodeEnvelope,
  inlineFrame,
  mappedFlag,
} from '../../../src/transport/index.js'
import { Outbox } from '../../../src/workers/index.js'

const mappingBytes = 64 * 1024
const bodyBytes = 8 * 1024
const head = { job: '0123456789abcdef', incarnation: 1, lane: 0, rows: 1, stage: 0 }
const callOf = (sequence: number, attempt = 1): CallEnvelope => ({ ...head, kind: Message.call, sequence, attempt })

/** An outbox over a mapping of 64 KiB, in which three calls and their replies have room. */
function outboxOf(): { send: (call: CallEnvelope) => Envelope; reply: (at: Partial<CallEnvelope>) => string } {
  const bytes = new Uint8Array(mappingBytes)
  const outbox = new Outbox(
    { bytes, fd: -1, handOver: () => undefined, close: () => undefined },
    new BufferPool(1 << 20),
  )
  const part = bytesPart({ kind: Table.rows, schemaId: 1, rows: 1 }, new Uint8Array(bodyBytes - 256))
  return {
    send: call => decodeEnvelope(outbox.call(call, [part], bodyBytes)),
    reply: changed => {
      const message = inlineFrame({ ...callOf(1), kind: Message.done, ...changed }, [])
      const envelope = decodeEnvelope(message)
      if (!outbox.answers(envelope)) return 'dropped'
      outbox.settle(envelope, message)
      return 'taken'
    },
  }
}

describe('a stretch of the mapping', () => {
  test('is lent to one call until that very attempt has replied', () => {
    const { send, reply } = outboxOf()
    const [first, second] = [send(callOf(1, 2)), send(callOf(2))]
    expect([first.flags, second.flags]).toEqual([mappedFlag, mappedFlag])
    expect(second.at).not.toBe(first.at)
    expect(reply({ sequence: 1, attempt: 1 })).toBe('dropped')
    expect(send(callOf(3)).at).not.toBe(first.at)
    expect(reply({ sequence: 1, attempt: 2 })).toBe('taken')
    expect(send(callOf(4)).at).toBe(first.at)
  })

  test('is not waited for: a call that finds none travels in its frame', () => {
    const { send } = outboxOf()
    const flags = Array.from({ length: 6 }, (_, i) => send(callOf(i + 1)).flags)
    expect(flags).toEqual([mappedFlag, mappedFlag, mappedFlag, mappedFlag, 0, 0])
  })
})

describe('a reply', () => {
  test.for<readonly [string, Partial<CallEnvelope>]>([
    ['to no call that is out', { sequence: 9 }],
    ['to another attempt', { attempt: 2 }],
  ])('%s is dropped', ([, changed]) => {
    const { send, reply } = outboxOf()
    send(callOf(1))
    expect([reply(changed), reply({}), reply({})]).toEqual(['dropped', 'taken', 'dropped'])
  })

  test.for<readonly [string, Partial<CallEnvelope>]>([
    ['of another lane', { lane: 1 }],
    ['of another stage', { stage: 1 }],
    ['about another number of rows', { rows: 2 }],
  ])('%s is refused', ([, changed]) => {
    const { send, reply } = outboxOf()
    send(callOf(1))
    expect(() => reply(changed)).toThrow(ProtocolError)
  })
})
