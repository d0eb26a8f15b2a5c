/**
 * The environment of a worker: made anew, so that no secret of the host reaches user code unless the job names it.
 *
 * Pure. One thread a library, since the pool is the parallelism; malloc told to keep what it has, since a batch a
 * millisecond otherwise pays a page fault for each page (measured: 1 MiB echo 1.5 to 2.3 GB/s); one hash seed, so
 * that a transform that walks a set gives the same rows in every process.
 */
export interface WorkerSeat {
  readonly address: string
  readonly token: string
  readonly job: string
  readonly incarnation: number
  readonly role: 'user' | 'io'
  readonly protocol: number
  readonly mappingBytes: number
  readonly memoryBytes: number
}

/**
 * The run's private folder, by name, in the environment of a worker and of all that it starts: what left its process
 * group is found by it when the run ends.
 */
export const runMark = 'ANABRANCH_RUN'

/** What a program needs to find itself and its libraries. */
const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH']

const oneThread = [
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'MKL_NUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'POLARS_MAX_THREADS',
]

const mallocBytes = String(256 * 2 ** 20)

const fixed: Readonly<Record<string, string>> = {
  // Arrow's own pool keeps what was freed beside what malloc keeps: 90 MB of the flights example.
  ARROW_DEFAULT_MEMORY_POOL: 'system',
  // It starts a thread when pyarrow is imported, used or not, and a fork server has one only.
  JE_ARROW_MALLOC_CONF: 'background_thread:false',
  ...Object.fromEntries(oneThread.map(name => [name, '1'])),
  MALLOC_MMAP_THRESHOLD_: mallocBytes,
  MALLOC_TRIM_THRESHOLD_: mallocBytes,
  MALLOC_TOP_PAD_: String(16 * 2 ** 20),
  // Set to nothing, since to import Pandera sets it where it is not: pyarrow would then pass over zones of datetimes.
  PYARROW_IGNORE_TIMEZONE: '',
  PYTHONUNBUFFERED: '1',
  PYTHONUTF8: '1',
  PYTHONHASHSEED: '0',
  PYTHONFAULTHANDLER: '1',
  // The job's folder must not shadow the standard library.
  PYTHONSAFEPATH: '1',
}

export function environment(options: {
  readonly packageFolder: string
  /** The run's private folder. */
  readonly folder: string
  readonly hostEnv: Readonly<Record<string, string | undefined>>
  readonly passEnv: readonly string[]
}): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of inherited) copy(options.hostEnv, name, env)
  Object.assign(env, fixed)
  for (const name of options.passEnv) copy(options.hostEnv, name, env)
  env['PYTHONPATH'] = options.packageFolder
  env[runMark] = options.folder
  return env
}

/** What one worker alone gets beside it. */
export const seatEnvironment = (seat: WorkerSeat): Record<string, string> => ({
  ANABRANCH_WORKER: JSON.stringify(seat),
})

function copy(from: Readonly<Record<string, string | undefined>>, name: string, to: Record<string, string>): void {
  const value = from[name]
  if (value !== undefined) to[name] = value
}
