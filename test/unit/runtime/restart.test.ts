/** When a failed job begins again, as tables: each line is one failure, and what becomes of the job. */
import { describe, expect, test } from 'vitest'
import { restartFrom } from '../../../src/cli/restart-option.js'
import { type RestartOption, type RestartPolicy, restartOf } from '../../../src/plan/index.js'
import { decideRestart } from '../../../src/runtime/fault/index.js'
import { tell } from '../../support/story.js'

function policy(option: RestartOption): RestartPolicy | null {
  const read = restartOf(option)
  if ('wrong' in read) throw new Error(read.wrong)
  return read.policy
}

/** `at` is when the job fails, in seconds; the event what of. */
function check(option: RestartOption, text: string, chance = 0.5): void {
  const read = policy(option)
  const atMs: number[] = []
  tell(text, (event, at) => {
    atMs.push(at * 1_000)
    const decision = decideRestart(read, { error: { class: classOf(event), code: 'ANB4010' }, atMs, chance })
    return [decision.do === 'restart' ? `${decision.delayMs} ms` : decision.why]
  })
}

const classes = ['ConnectorError', 'WorkerError', 'TransformError', 'TransientError', 'ProtocolError'] as const
const hopeless = ['PlanError', 'ContractError', 'StateError', 'AccessError'] as const

function classOf(event: string): (typeof classes)[number] | (typeof hopeless)[number] {
  const found = [...classes, ...hopeless].find(name => name === event)
  if (found === undefined) throw new Error(`${event} is no class`)
  return found
}

describe('a job that fails', () => {
  test('stays failed where nothing else is said', () =>
    check(
      'none',
      `
      at  event           ->  then
      0   ConnectorError      no restart policy is set
      `,
    ))

  test('never begins again where the next time would be the same', () => {
    const read = policy({ policy: 'exponential-delay' })
    for (const name of hopeless)
      expect(decideRestart(read, { error: { class: name, code: 'ANB6010' }, atMs: [0], chance: 0 })).toEqual({
        do: 'give up',
        why: `a ${name} would come again`,
      })
    for (const name of classes)
      expect(decideRestart(read, { error: { class: name, code: 'ANB6010' }, atMs: [0], chance: 0 }).do).toBe('restart')
  })
})

// A job with a policy failed for good where its disk was full for a while, although one whose sink has no room begins again.
test('a disk that took no write of state may take one later: the job begins again', () => {
  const full = { class: 'StateError', code: 'ANB6011' } as const
  const fixed = policy({ policy: 'fixed-delay' })
  expect(decideRestart(fixed, { error: full, atMs: [0], chance: 0 })).toEqual({ do: 'restart', delayMs: 1_000 })
})

describe('fixed-delay', () => {
  test('restarts so many times, each after the same pause, however far apart the failures are', () =>
    check(
      { policy: 'fixed-delay', attempts: 3, delay: '10s' },
      `
      at     event           ->  then
      0      ConnectorError      10000 ms
      10     WorkerError         10000 ms
      90000  TransformError      10000 ms
      99999  ConnectorError      it was restarted 3 times
      `,
    ))

  test('restarts once after a second unless it is told otherwise', () =>
    check(
      { policy: 'fixed-delay' },
      `
      at  event           ->  then
      0   ConnectorError      1000 ms
      9   ConnectorError      it was restarted once
      `,
    ))
})

describe('exponential-delay', () => {
  test('makes each pause longer up to the longest, and begins anew when the job ran long enough', () =>
    check(
      {
        policy: 'exponential-delay',
        initialBackoff: '1s',
        maxBackoff: '10s',
        backoffMultiplier: 2,
        resetBackoffThreshold: '1min',
      },
      `
      at   event           ->  then
      0    ConnectorError      1000 ms
      2    ConnectorError      2000 ms
      5    ConnectorError      4000 ms
      60   ConnectorError      8000 ms      // it was away for 4 s, and ran for 51
      70   ConnectorError      10000 ms
      99   ConnectorError      10000 ms
      168  ConnectorError      10000 ms     // 10 s of pause, 59 s of work
      238  ConnectorError      1000 ms      // 10 s of pause, 60 s of work
      `,
    ))

  test('is made longer or shorter by chance, never by more than its part', () => {
    const pause = (chance: number) =>
      decideRestart(policy({ policy: 'exponential-delay', jitterFactor: 0.2 }), {
        error: { class: 'WorkerError', code: 'ANB3001' },
        atMs: [0],
        chance,
      })
    expect([pause(0), pause(0.5), pause(1)]).toEqual([800, 1_000, 1_200].map(delayMs => ({ do: 'restart', delayMs })))
  })

  test('counts its attempts since the job ran long enough', () =>
    check(
      { policy: 'exponential-delay', attempts: 2, resetBackoffThreshold: '1min', backoffMultiplier: 1 },
      `
      at   event           ->  then
      0    ConnectorError      1000 ms
      2    ConnectorError      1000 ms
      70   ConnectorError      1000 ms
      72   ConnectorError      1000 ms
      74   ConnectorError      it was restarted 2 times
      `,
    ))
})

describe('failure-rate', () => {
  test('gives up when failures come faster than allowed, and not before', () =>
    check(
      { policy: 'failure-rate', maxFailuresPerInterval: 2, failureRateInterval: '1min', delay: '500ms' },
      `
      at   event           ->  then
      0    ConnectorError      500 ms
      59   ConnectorError      500 ms
      60   ConnectorError      500 ms       // the first is a minute ago
      118  ConnectorError      it failed 3 times within 60 s, at most 2 are allowed
      `,
    ))
})

describe('a policy', () => {
  const wrong = (option: unknown) => {
    const read = restartOf(option)
    return 'wrong' in read ? read.wrong : read
  }

  test('has the defaults of Flink', () =>
    expect(policy({ policy: 'exponential-delay' })).toEqual({
      policy: 'exponential-delay',
      initialBackoffMs: 1_000,
      maxBackoffMs: 60_000,
      backoffMultiplier: 1.5,
      resetBackoffThresholdMs: 3_600_000,
      jitterFactor: 0.1,
      attempts: null,
    }))

  test('that cannot be read is refused with what would be right', () =>
    expect([
      wrong('always'),
      wrong({ policy: 'fixed' }),
      wrong({ policy: 'fixed-delay', attempts: 0 }),
      wrong({ policy: 'fixed-delay', delay: 'soon' }),
      wrong({ policy: 'exponential-delay', jitterFactor: 2 }),
      wrong({ policy: 'exponential-delay', backoffMultiplier: Number.NaN }),
      wrong({ policy: 'fixed-delay', attempt: 3 }),
      wrong({ policy: 'fixed-delay', backoff: 3 }),
      wrong({ policy: 'none', attempts: 3 }),
      wrong(null),
    ]).toEqual([
      'policy must be one of none, fixed-delay, exponential-delay, failure-rate, but it is ""',
      'policy must be one of none, fixed-delay, exponential-delay, failure-rate, but it is "fixed"',
      'attempts must be a whole number, 1 or more, but it is 0',
      'delay must be a time such as \'10s\', but it is "soon"',
      'jitterFactor must be a number of 0 to 1, but it is 2',
      'backoffMultiplier must be a number of 1 to 1000, but it is null',
      'there is no "attempt" in it; did you mean "attempts"?',
      'there is no "backoff" in it, which takes attempts, delay',
      'there is no "attempts" in it, which takes nothing more',
      'policy must be one of none, fixed-delay, exponential-delay, failure-rate, but it is ""',
    ]))

  test('is the same on the command line', () => {
    expect(restartFrom('fixed-delay,attempts=3,delay=10s')).toEqual(
      policy({ policy: 'fixed-delay', attempts: 3, delay: '10s' }),
    )
    expect(restartFrom('exponential-delay,backoffMultiplier=2.5,jitterFactor=0')).toEqual(
      policy({ policy: 'exponential-delay', backoffMultiplier: 2.5, jitterFactor: 0 }),
    )
    expect(restartFrom('none')).toBeNull()
    expect(() => restartFrom('fixed-delay,attempts')).toThrow(
      'attempts must be a whole number, 1 or more, but it is ""',
    )
  })
})
