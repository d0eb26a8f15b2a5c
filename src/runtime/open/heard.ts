/** What a worker says beside its replies, for those who watch the run. */
import { type Observer } from '../../base/index.js'
import { type WorkerEvents } from '../../workers/index.js'

/** `of` says whose lines they are. */
export const heard = (
  observer: Observer,
  of: Readonly<Record<string, unknown>>,
): Pick<WorkerEvents, 'log' | 'output' | 'dropped'> => ({
  log: record => observer.log(levelOf(record.level), record.message, { ...of, ...record }),
  output: (stream, line) => observer.log('info', line, { ...of, stream }),
  dropped: why => observer.count(`reply.${why}`),
})

function levelOf(level: string): 'debug' | 'info' | 'warning' | 'error' {
  const name = level.toLowerCase()
  if (name === 'debug' || name === 'info' || name === 'warning') return name
  return name === 'error' || name === 'critical' ? 'error' : 'info'
}
