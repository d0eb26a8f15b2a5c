/** What a fork server says, in whatever pieces it comes, and what nobody of ours says. */
import { describe, expect, it } from 'vitest'
import { ForkTalk, forkRequest, lineBytesMax } from '../../../src/runtime/open/fork-talk.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (of: Uint8Array): string => new TextDecoder().decode(of)

describe('what a fork server says', () => {
  const said = [
    ['{"ready": 4711}', { told: 'ready' }],
    ['{"forked": 7, "pid": 4712}', { told: 'forked', worker: 7, pid: 4712 }],
    ['{"refused": 7, "why": "fork: EAGAIN"}', { told: 'refused', worker: 7, why: 'fork: EAGAIN' }],
    ['{"ended": 7, "code": 3}', { told: 'ended', worker: 7, code: 3, signal: null }],
    ['{"ended": 7, "signal": 11}', { told: 'ended', worker: 7, code: null, signal: 'SIGSEGV' }],
    ['{"ended": 7, "signal": 40}', { told: 'ended', worker: 7, code: null, signal: 'signal 40' }],
    ['{"threads": ["python", "other"]}', { told: 'threads', names: ['python', 'other'] }],
  ] as const
  const lines = said.map(([line]) => `${line}\n`).join('')
  const told = said.map(([, meant]) => meant)

  it('is understood, many lines at once', () => {
    expect(new ForkTalk().take(bytes(lines))).toEqual(told)
  })

  it('is understood byte by byte', () => {
    const talk = new ForkTalk()
    expect([...bytes(lines)].flatMap(byte => talk.take(Uint8Array.of(byte)))).toEqual(told)
  })
})

describe('what no fork server of ours says is refused:', () => {
  const rows: readonly (readonly [name: string, line: string])[] = [
    ['no JSON', 'forked 7'],
    ['bytes that are no text', '\0\u00ff\u0001'],
    ['an empty line', ''],
    ['a list', '[7]'],
    ['null', 'null'],
    ['nothing that we know', '{"hello": 1}'],
    ['a worker that is a text', '{"forked": "7", "pid": 2}'],
    ['a worker below 0', '{"forked": -7, "pid": 2}'],
    ['a pid that would signal everybody', '{"forked": 7, "pid": 0}'],
    ['a pid that would signal init and its group', '{"forked": 7, "pid": 1}'],
    ['a pid below 0', '{"forked": 7, "pid": -4712}'],
    ['a pid with a fraction', '{"forked": 7, "pid": 4712.5}'],
    ['no pid', '{"forked": 7}'],
    ['more than we know', '{"forked": 7, "pid": 4712, "pids": [1]}'],
    ['an end that is both', '{"ended": 7, "code": 0, "signal": 9}'],
    ['an end that is neither', '{"ended": 7}'],
    ['threads without names', '{"threads": [7]}'],
  ]
  it.each(rows)('%s', (_name, line) => {
    expect(() => new ForkTalk().take(bytes(`${line}\n`))).toThrow(expect.objectContaining({ code: 'ANB5001' }))
  })

  it('a line without an end', () => {
    const talk = new ForkTalk()
    expect(talk.take(new Uint8Array(lineBytesMax))).toEqual([])
    expect(() => talk.take(bytes('x'))).toThrow(expect.objectContaining({ code: 'ANB5001' }))
  })
})

it('a request is one line, whatever is in the environment', () => {
  const request = text(forkRequest(7, { NAME: 'a\nb "c"' }))
  expect(request.indexOf('\n')).toBe(request.length - 1)
  expect(JSON.parse(request)).toEqual({ fork: 7, env: { NAME: 'a\nb "c"' } })
})
