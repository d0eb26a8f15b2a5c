/** Processes that user code starts outside of the worker's process group end with the job, whatever way the job ends. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { faultJob, someRows, until } from '../support/fault-job.js'
import { type JobFolder } from '../support/job-folder.js'

const rows = someRows(200, id => (id === 37 ? 'fault' : null))

/** How a process gets away from its group. Each writes its pid to `flags/child-PID`. */
const escapes: Readonly<Record<string, string>> = {
  'a session of its own': `
    child = subprocess.Popen(['sleep', '600'], start_new_session=True)
    open(os.path.join('flags', 'child-%d' % child.pid), 'w').close()
`,
  'a daemon made by two forks': `
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open(os.path.join('flags', 'child-%d' % os.getpid()), 'w').close()
            for number in (0, 1, 2): os.close(number)
            while True: time.sleep(600)
        os._exit(0)
    os.wait()
    while not any(name.startswith('child-') for name in os.listdir('flags')): pass
`,
  'a daemon of another program': `
    subprocess.run(['sh', '-c', 'setsid sleep 600 >/dev/null 2>&1 & echo $! > flags/shell'], check=True)
    while not os.path.exists('flags/shell'): pass
    pid = open('flags/shell').read().strip()
    open(os.path.join('flags', 'child-' + pid), 'w').close()
`,
}

const childrenOf = (job: JobFolder): readonly number[] =>
  readdirSync(join(job.path, 'flags')).flatMap(name => (name.startsWith('child-') ? [Number(name.slice(6))] : []))

/** Ended; a zombie that nobody has reaped yet is gone too. */
function isGone(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return true
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return true
  }
}

describe.each(Object.entries(escapes))('W21 %s', (_, leave) => {
  const fault = (then: string): string => `def fault():${leave}    ${then}\n`

  test('ends with a job that is done', async () => {
    const job = await faultJob(rows, { faults: fault('pass') })
    const run = await job.run()
    expect(run.code, run.stderr).toBe(0)
    expect(childrenOf(job).filter(pid => !isGone(pid))).toEqual([])
    expect(childrenOf(job)).toHaveLength(1)
  })

  test('ends with a job that failed', async () => {
    const job = await faultJob(rows, { faults: fault('raise ab.ContractError("no more")') })
    const run = await job.run()
    expect(run.code, run.stderr).toBe(1)
    expect(childrenOf(job).filter(pid => !isGone(pid))).toEqual([])
    expect(childrenOf(job).length).toBeGreaterThan(0)
  })

  test('ends with a host that is killed with -9', async () => {
    const job = await faultJob(rows, { faults: fault('time.sleep(600)') })
    const started = job.start(['--workers', '1'])
    await until(() => childrenOf(job).length === 1)
    started.child.kill('SIGKILL')
    await started.ended
    await until(() => childrenOf(job).every(isGone))
  })
})
