/** What a person reads of a process that could not be started at all. */
import { describe, expect, it } from 'vitest'
import { catalogue } from '../../../src/base/index.js'
import { errorOfEnd } from '../../../src/workers/start/end.js'

const neverStarted = (stderr: string): ReturnType<typeof errorOfEnd> =>
  errorOfEnd({
    incarnation: 3,
    because: 'exit',
    code: 127,
    signal: null,
    wasReady: false,
    stderr,
    startTimeoutMs: 1_000,
    python: '/opt/python',
    failed: null,
  })

describe('a worker that this machine does not let start', () => {
  it.each([
    ['spawn /opt/python EMFILE', /ulimit -n/],
    ['spawn /opt/python ENFILE', /ulimit -n/],
    ['spawn /opt/python EAGAIN', /ulimit -u/],
    ['spawn /opt/python ENOMEM', /--workers/],
  ])('for %s says which limit to raise', (stderr, hint) => {
    const error = neverStarted(stderr)
    expect(error?.code).toBe('ANB8004')
    expect(error?.message).toContain(stderr)
    expect(error?.hint || catalogue.ANB8004.hint).toMatch(hint)
  })

  it('for want of an interpreter names the path', () => {
    expect(neverStarted('spawn /opt/python ENOENT')).toMatchObject({
      code: 'ANB8001',
      message: 'expected a Python interpreter at /opt/python, there is none',
    })
  })
})
