/** Rules of calls that async transforms make: how many at once, how long, in which order, and when none. */
import { type Mutant } from './mutant.js'

const calls = 'test/python/test_calls.py'
const service = { file: 'python/anabranch/_calls/service.py' } as const
const tasks = { file: 'python/anabranch/_chain/row_tasks.py' } as const

export const callRules: readonly Mutant[] = [
  {
    rule: 'one call more in flight than the capacity allows',
    file: 'python/anabranch/_calls/pool.py',
    from: 'in range(capacity)',
    to: 'in range(capacity + 1)',
    test: [calls, 'test_as_many_jobs_as_the_capacity_allows_are_under_way_and_no_more'],
  },
  {
    rule: 'backoff does not grow',
    ...service,
    from: 'calls.backoff_ms << min(tries, _DOUBLINGS_MAX)',
    to: 'calls.backoff_ms',
    test: [calls, 'test_a_service_that_is_away_is_called_again_later_and_later'],
  },
  {
    rule: 'others do not wait for the probe of a circuit',
    ...service,
    from: 'while self._breaker.probing:',
    to: 'while False:',
    test: [calls, 'test_while_a_probe_is_under_way_the_others_wait_for_what_it_finds'],
  },
  {
    rule: 'answers of async rows as they finish',
    ...tasks,
    from: 'for number in sorted(self.values)',
    to: 'for number in self.values',
    test: ['test/python/test_async.py', 'test_rows_are_called_side_by_side_and_come_in_their_order'],
  },
  {
    rule: 'cancelled calls taken for dead rows',
    ...service,
    from: 'return task is not None and task.cancelling() > 0',
    to: 'return False',
    test: [calls, 'test_a_probe_that_is_cancelled_leaves_the_next_call_to_be_one'],
  },
]
