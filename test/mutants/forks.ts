/** Rules of the process that workers are forked of. */
import { type Mutant, unit } from './mutant.js'

const server = { file: 'python/anabranch/_worker/fork_server.py' } as const
const told = 'test/python/test_fork_server.py'

export const forkRules: readonly Mutant[] = [
  {
    rule: 'workers forked of a process with two threads',
    ...server,
    from: 'if len(threads) > 1:',
    to: 'if len(threads) > 2:',
    test: [told, 'test_w7_a_thread_that_came_later_is_seen_before_the_next_fork'],
  },
  {
    rule: 'a worker does not say itself that it is there',
    ...server,
    from: '        self.say({"forked": number, "pid": os.getpid()})\n',
    to: '',
    test: [told, 'test_a_worker_whose_server_dies_behind_the_fork_goes_on_and_the_host_is_told'],
  },
  {
    rule: 'what a worker started outlives it',
    ...server,
    from: 'os.killpg(pid, signal.SIGKILL)',
    to: 'os.killpg(pid, 0)',
    test: [told, 'test_what_a_worker_started_is_gone_when_its_end_is_told'],
  },
  {
    rule: 'forked workers draw the same numbers',
    ...server,
    from: 'numpy_random.seed()',
    to: 'numpy_random.random()',
    test: [told, 'test_each_worker_has_a_session_descriptors_an_environment_and_chance_of_its_own'],
  },
  {
    rule: 'who waits for a fork server that is gone is forgotten',
    file: 'src/runtime/open/fork-server.ts',
    from: '[...this.asked.values(), ...this.waiting]',
    to: '[...this.waiting]',
    test: [unit('workers-process/forks'), 'but stands still is replaced after its term'],
  },
  {
    rule: 'a pid of a fork server that would signal everybody is believed',
    file: 'src/runtime/open/fork-talk.ts',
    from: 'if (pid < 2) throw',
    to: 'if (pid < 0) throw',
    test: [unit('runtime/fork-talk'), 'a pid that would signal everybody'],
  },
  {
    rule: 'a process that is over broke its connection while it lived',
    file: 'src/workers/start/worker.ts',
    from: 'if (this.memory.isOver())',
    to: 'if (false)',
    test: [unit('workers-process/faults'), 'W2 a worker that was killed is told so'],
  },
]
