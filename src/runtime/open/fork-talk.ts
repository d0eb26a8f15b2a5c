/**
 * What the host and a fork server say to each other: lines of JSON over one stream. Pure.
 *
 *     host -> server   {"fork": 7, "env": {"NAME": "value"}}   with the descriptors that the worker gets as 0, 1, 2, 3, ...
 *     server -> host   {"ready": 4711}                          everything is imported; its pid
 *                      {"forked": 7, "pid": 4712}        said by the worker, so that it is true whatever becomes of the server
 *                      {"refused": 7, "why": "fork: EAGAIN ..."}
 *                      {"ended": 7, "code": 0}                  or "signal": 9; it is reaped, and its group is gone
 *                      {"threads": ["python", "other"]}         it has more threads than one, forks nobody and ends
 *
 * A worker has whatever is asked with its number once: refused, or forked and then ended; or only ended, where it was killed
 * before it said that it is there.
 */
import { constants } from 'node:os'
import { ProtocolError, ShapeError, shape } from '../../base/index.js'

export type Told =
  | { readonly told: 'ready' }
  | { readonly told: 'forked'; readonly worker: number; readonly pid: number }
  | { readonly told: 'refused'; readonly worker: number; readonly why: string }
  | { readonly told: 'ended'; readonly worker: number; readonly code: number | null; readonly signal: string | null }
  | { readonly told: 'threads'; readonly names: readonly string[] }

/** A line that is longer comes from nobody of ours. */
export const lineBytesMax = 65_536

const newline = 0x0a

export const forkRequest = (worker: number, env: Readonly<Record<string, string>>): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify({ fork: worker, env })}\n`)

/** The lines of a server, whatever pieces they come in. */
export class ForkTalk {
  private rest = new Uint8Array(0)

  /** @throws ProtocolError ANB5001 */
  take(bytes: Uint8Array): readonly Told[] {
    const all = new Uint8Array(this.rest.length + bytes.length)
    all.set(this.rest)
    all.set(bytes, this.rest.length)
    const told: Told[] = []
    let from = 0
    for (let end = all.indexOf(newline); end >= 0; end = all.indexOf(newline, from)) {
      told.push(read(new TextDecoder().decode(all.subarray(from, end))))
      from = end + 1
    }
    this.rest = all.slice(from)
    if (this.rest.length > lineBytesMax) throw refusal(`a line of at most ${lineBytesMax} bytes, a longer one came`)
    return told
  }
}

const forked = shape.object({ forked: shape.whole, pid: shape.whole })
const refused = shape.object({ refused: shape.whole, why: shape.string })
const exited = shape.object({ ended: shape.whole, code: shape.whole })
const killed = shape.object({ ended: shape.whole, signal: shape.whole })
const threads = shape.object({ threads: shape.list(shape.string) })
const ready = shape.object({ ready: shape.whole })

function read(line: string): Told {
  try {
    return toldBy(shape.record(JSON.parse(line), ''))
  } catch (cause) {
    if (cause instanceof ShapeError) throw refusal(cause.message, cause)
    if (cause instanceof SyntaxError) throw refusal('JSON, text that does not parse came', cause)
    throw cause
  }
}

function toldBy(said: Readonly<Record<string, unknown>>): Told {
  if ('ready' in said) {
    ready(said, '')
    return { told: 'ready' }
  }
  if ('forked' in said) {
    const { forked: worker, pid } = forked(said, '')
    if (pid < 2) throw new ShapeError('pid', 'the number of a process')
    return { told: 'forked', worker, pid }
  }
  if ('refused' in said) {
    const { refused: worker, why } = refused(said, '')
    return { told: 'refused', worker, why }
  }
  if ('threads' in said) return { told: 'threads', names: threads(said, '').threads }
  if ('signal' in said) {
    const { ended: worker, signal } = killed(said, '')
    return { told: 'ended', worker, code: null, signal: nameOf(signal) }
  }
  const { ended: worker, code } = exited(said, '')
  return { told: 'ended', worker, code, signal: null }
}

const nameOf = (signal: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`

const refusal = (what: string, cause?: unknown): ProtocolError =>
  new ProtocolError('ANB5001', `expected of the fork server ${what}`, { cause })
