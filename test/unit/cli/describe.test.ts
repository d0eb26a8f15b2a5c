import { describe, expect, test } from 'vitest'
import { PlanError, type ChildEvents, type Processes } from '../../../src/base/index.js'
import { describeModule } from '../../../src/workers/index.js'

const mark = /^anabranch-answer-/

/** A child that does what a test says; the deadline comes when the test rings it. */
function child(act: (events: ChildEvents, mark: string) => void) {
  const seen = { kills: 0, env: {} as Readonly<Record<string, string>>, ring: () => {}, ringsAfterMs: 0 }
  const processes: Processes = {
    spawn(command, options, events) {
      seen.env = options.env
      let ended = false
      const exit: ChildEvents['exit'] = end => {
        if (ended) return
        ended = true
        events.exit(end)
      }
      queueMicrotask(() => act({ ...events, exit }, command.find(word => mark.test(word)) ?? ''))
      return {
        pid: 1,
        kill: () => {
          seen.kills += 1
          exit({ code: null, signal: 'SIGKILL' })
        },
      }
    },
  }
  const clock = {
    nowMs: () => 0,
    wallMs: () => 0,
    soon: (ring: () => void) => ring(),
    after: (ms: number, ring: () => void) => {
      seen.ring = ring
      seen.ringsAfterMs = ms
      return () => undefined
    },
  }
  const random = { below: () => 0, hex: () => 'ab' }
  const hostEnv = { PATH: '/bin', SECRET: 'x' }
  const options = { world: { clock, processes, random }, python: '/p', packageFolder: '/package', cwd: '/', hostEnv }
  return { seen, options }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const answer = {
  path: '/t.py',
  source: 's',
  doc: '',
  schemas: { A: [['a', 'int64']] },
  functions: [],
  contracts: [],
  migrations: [],
}

async function refusal(act: (events: ChildEvents, mark: string) => void): Promise<string> {
  const { options } = child(act)
  try {
    await describeModule('/t.py', options)
  } catch (error) {
    if (error instanceof PlanError) return `${error.code} ${error.message}`
    throw error
  }
  return 'accepted'
}

test('the answer is what comes after the mark, whatever the module prints and however it is cut', async () => {
  const { seen, options } = child((events, found) => {
    for (const byte of bytes(`hello\n${found.slice(0, 9)}\n${found}${JSON.stringify({ ok: true, value: answer })}\n`)) {
      events.stdout(Uint8Array.of(byte))
    }
    events.exit({ code: 0, signal: null })
  })
  expect(await describeModule('/t.py', options)).toEqual(answer)
  expect(seen.env).toMatchObject({ PYTHON_BIN: '/p', PYTHONPATH: '/package', PATH: '/bin' })
  expect(seen.env).not.toHaveProperty('SECRET')
})

test('a module that never ends is killed at the deadline', async () => {
  const { seen, options } = child(events => {
    events.stderr(bytes('waiting for a lock\n'))
    seen.ring()
  })
  await expect(describeModule('/t.py', { ...options, timeoutMs: 5_000 })).rejects.toMatchObject({
    code: 'ANB1020',
    message: 'module t.py was not imported within 5 s',
    detail: 'waiting for a lock',
  })
  expect([seen.kills > 0, seen.ringsAfterMs]).toEqual([true, 5_000])
})

describe('an answer that is none is refused', () => {
  const say = (value: unknown) => (events: ChildEvents, found: string) => {
    events.stdout(bytes(`${found}${JSON.stringify(value)}\n`))
    events.exit({ code: 0, signal: null })
  }
  const failed = { ok: false, code: '', hint: '', type: 'KeyError', message: "'x'", traceback: 'Traceback', cause: [] }
  const cases = [
    ['an exception', say(failed), "ANB1020 module t.py could not be imported: KeyError: 'x'"],
    ['a declaration that was refused', say({ ...failed, code: 'ANB1015', message: 'no type' }), 'ANB1015 no type'],
    ['a code that we do not know', say({ ...failed, code: 'ANB9999' }), 'ANB1020 '],
    ['another form', say({ ok: true, value: { ...answer, schemas: [] } }), 'ANB8002 '],
    [
      'no answer',
      (events: ChildEvents) => events.exit({ code: 70, signal: null }),
      'ANB1020 Python ended while it imported',
    ],
  ] as const
  for (const [sentence, act, expected] of cases) {
    test(sentence, async () => expect(await refusal(act)).toContain(expected))
  }
})
