/** What is known of a process that somebody else reaps, against real ones. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startTime, stateOf } from '../../../src/runtime/open/process-state.js'
import { python } from '../../support/worker.js'

/** Of a process whose pid the script prints, while the script runs. */
async function whileRuns(script: string, look: (pid: number, started: string) => Promise<void> | void): Promise<void> {
  const child = spawn(python, ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [printed] = await once(child.stdout, 'data')
  const pid = Number(printed)
  try {
    await look(pid, startTime(pid))
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

it('a process runs, and is another one where it was started at another time', () =>
  whileRuns('import os; print(os.getpid(), flush=True); input()', (pid, started) => {
    expect([stateOf(pid, started), stateOf(pid, '1')]).toEqual(['runs', 'another'])
  }))

it('a process that nobody reaped is over', () =>
  whileRuns(
    `
import os
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(pid, flush=True)
input()`,
    (pid, started) => {
      expect(stateOf(pid, started)).toBe('over')
    },
  ))

it('a process runs for as long as any thread of it', () =>
  whileRuns(
    `
import ctypes, os, platform, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).syscall(93 if platform.machine() == "aarch64" else 60, 0)  # exit: of this thread alone`,
    async (pid, started) => {
      while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')))
        await new Promise(resolve => setImmediate(resolve))
      expect(stateOf(pid, started)).toBe('runs')
    },
  ))

it('a process that is gone is over', async () => {
  let gone = { pid: 0, started: '' }
  await whileRuns('import os; print(os.getpid(), flush=True); input()', (pid, started) => {
    gone = { pid, started }
  })
  expect(stateOf(gone.pid, gone.started)).toBe('over')
})
