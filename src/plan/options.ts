/** Options of a job, read: sizes and times become numbers, and what cannot be read or is not known becomes a fault. */
import { type Faults, type Place, suggest } from './faults.js'
import { type JobOptions } from './job.js'
import { type PlanOptions } from './nodes.js'
import { restartOf } from './restart.js'
import { bytesOf, msOf } from './units.js'

/** Shorter epochs would do little else than commit. */
export const epochMsMin = 50

/** What travels has to fit a frame many times over. */
const stateBytesMost = 64 * 2 ** 20

/** Every option has its place here, or this does not compile. */
const known: Readonly<Record<keyof JobOptions, true>> = {
  params: true,
  maxDead: true,
  keyGroups: true,
  workerMemory: true,
  workerRecycle: true,
  transientMax: true,
  epoch: true,
  stateBudget: true,
  restart: true,
  stateBytesMax: true,
}

export function readOptions(options: JobOptions, faults: Faults, at: Place): PlanOptions {
  const wrong = (name: keyof JobOptions, allowed: string): void => {
    const given = JSON.stringify(options[name])
    faults.add('ANB1017', at, `job option ${name} must be ${allowed}, but it is ${given}`, `write ${allowed}`)
  }
  const bytes = (name: 'workerMemory' | 'workerRecycle' | 'stateBudget'): number | null => {
    const given = options[name]
    const read = given === undefined ? null : bytesOf(given)
    if (given !== undefined && read === null) wrong(name, "a size such as '2GiB'")
    return read
  }
  const transientMaxMs = msOf(options.transientMax ?? '10min')
  if (transientMaxMs === null) wrong('transientMax', "a time such as '10min'")
  const epoch = options.epoch ?? '1s'
  const epochMs = epoch === 'off' ? null : (msOf(epoch) ?? 0)
  if (epochMs !== null && epochMs < epochMsMin) wrong('epoch', `'off' or a time from '${epochMsMin}ms' on`)
  const stateBytesMax = bytesOf(options.stateBytesMax ?? '1MiB') ?? 0
  if (stateBytesMax < 1 || stateBytesMax > stateBytesMost) wrong('stateBytesMax', "a size up to '64MiB'")
  const restart = restartOf(options.restart ?? 'none')
  if ('wrong' in restart) {
    const hint = "write for example { policy: 'fixed-delay', attempts: 3, delay: '10s' }"
    faults.add('ANB1017', at, `job option restart: ${restart.wrong}`, hint)
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue
    faults.add('ANB1017', at, `a job has no option "${name}"`, suggest(name, Object.keys(known), 'options'))
  }
  return {
    maxDead: options.maxDead ?? null,
    keyGroups: options.keyGroups ?? 128,
    workerMemoryBytes: bytes('workerMemory'),
    recycleBytes: bytes('workerRecycle'),
    transientMaxMs: transientMaxMs ?? 600_000,
    epochMs,
    stateBudgetBytes: bytes('stateBudget'),
    stateBytesMax,
    restart: 'policy' in restart ? restart.policy : null,
  }
}
