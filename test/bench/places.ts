/** Where the benchmarks find things, and the environment in which their Python runs. */
import { join } from 'node:path'
import { repository } from '../support/repository.js'

const here = (...names: readonly string[]): string => join(repository, 'test', 'bench', ...names)

/** Inputs are made once and kept here. */
export const inputsFolder = join(repository, '.cache', 'bench')
export const jobFile = here('jobs', 'job.ts')
export const script = (name: string): string => here('python', name)
export const python = join(repository, '.venv', 'bin', 'python')
export const pythonEnv: NodeJS.ProcessEnv = {
  ...process.env,
  PYTHONPATH: [join(repository, 'python'), here('jobs')].join(':'),
  // As the workers have it: one core is one core.
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
}
