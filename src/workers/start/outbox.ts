/**
 * Outbox: the calls that are out at one worker, and where their bodies lie.
 *
 * A body goes into the shared mapping where there is room for it and for its reply, else into the frame. The stretch
 * of the mapping belongs to the call until its reply came, and never to two calls. A reply is read only if it answers
 * a call that is out, with the same numbers; from the mapping only inside the space that was lent to it, and only
 * after it was copied out, since the worker may still write there.
 */
import { ProtocolError, invariant } from '../../base/index.js'
import { type Lent, type Memory } from '../../batch/index.js'
import {
  type CallEnvelope,
  type Envelope,
  type Frame,
  type Mapping,
  type Slot,
  type TablePart,
  Slots,
  bodySize,
  inlineFrame,
  mappedFlag,
  mappedFrame,
  ownBody,
  readTables,
  writeBody,
} from '../../transport/index.js'

interface Out {
  readonly envelope: CallEnvelope
  /** Where the call lies in the mapping; null: it travelled in the frame. */
  readonly lent: { readonly body: Slot; readonly reply: Slot } | null
}

/** Bodies below this travel in the frame, unless a large reply is expected: two small copies are cheaper than a second look into other memory. */
export const inlineBytesMax = 4_096
/** A reply gets at least this much room, and at least twice the call. */
export const replyBytesMin = 256 * 1024

export class Outbox {
  private readonly out = new Map<number, Out>()
  private readonly slots: Slots

  constructor(
    private readonly mapping: Mapping | null,
    private readonly memory: Memory,
  ) {
    this.slots = new Slots(mapping?.bytes.length ?? 0)
  }

  get size(): number {
    return this.out.size
  }

  /** The message to send; the tables are written when it returns. */
  call(envelope: CallEnvelope, parts: readonly TablePart[], replyBytes: number | undefined): Uint8Array {
    invariant(!this.out.has(envelope.sequence), 'a sequence is used for one call')
    const length = bodySize(parts)
    const lent = this.lend(length, replyBytes ?? Math.max(replyBytesMin, length * 2))
    this.out.set(envelope.sequence, { envelope, lent })
    if (lent === null || this.mapping === null) return inlineFrame(envelope, parts)
    writeBody(parts, this.mapping.bytes, lent.body.at)
    return mappedFrame(envelope, { tables: parts.length, length, at: lent.body.at }, lent.reply)
  }

  /** Whether a reply with this envelope answers a call that is out. */
  answers(e: Envelope): boolean {
    return this.out.get(e.sequence)?.envelope.attempt === e.attempt
  }

  /** The reply, checked; its call is no longer out. @throws ProtocolError */
  settle(e: Envelope, message: Uint8Array): Frame {
    const call = this.out.get(e.sequence)
    invariant(call !== undefined, 'only a reply to a call that is out is settled')
    checkRepeats(e, call.envelope)
    const { bytes: body, loan } =
      (e.flags & mappedFlag) === 0 ? { bytes: ownBody(message), loan: undefined } : this.copyOut(e, call)
    const frame = { envelope: e, tables: readTables(e, body), body, loan }
    this.out.delete(e.sequence)
    if (call.lent !== null) {
      this.slots.give(call.lent.body)
      this.slots.give(call.lent.reply)
    }
    return frame
  }

  private lend(length: number, replyBytes: number): Out['lent'] {
    if (this.mapping === null || (length < inlineBytesMax && replyBytes <= replyBytesMin)) return null
    const body = this.slots.take(length)
    if (body === null) return null
    const reply = this.slots.take(replyBytes)
    if (reply !== null) return { body, reply }
    this.slots.give(body)
    return null
  }

  private copyOut(e: Envelope, call: Out): Lent {
    const space = call.lent?.reply
    if (space === undefined || this.mapping === null) {
      throw new ProtocolError('ANB5001', 'expected the reply in the frame, the worker says that it lies in the mapping')
    }
    if (e.at !== space.at || e.length > space.bytes) {
      throw new ProtocolError(
        'ANB5001',
        `expected a reply inside ${space.at} + ${space.bytes} of the mapping, ${e.at} + ${e.length} came`,
      )
    }
    const lent = this.memory.take(e.length)
    lent.bytes.set(this.mapping.bytes.subarray(e.at, e.at + e.length))
    return lent
  }
}

function checkRepeats(e: Envelope, call: CallEnvelope): void {
  for (const name of ['lane', 'stage', 'rows'] as const) {
    if (e[name] === call[name]) continue
    throw new ProtocolError('ANB5001', `expected ${name} ${call[name]} of the call in its reply, ${e[name]} came`)
  }
}
