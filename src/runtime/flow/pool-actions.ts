/** What a pool wants done, as effects. Answers the error that stops the job, where it gives up. */
import { type AnabranchError, type Observer } from '../../base/index.js'
import { type PoolAction } from '../../workers/index.js'
import { type Effects } from './effects.js'

export function carryOut(
  actions: readonly PoolAction[],
  effects: Pick<Effects, 'spawn' | 'stop'>,
  observer: Observer,
): AnabranchError | null {
  let error: AnabranchError | null = null
  for (const action of actions) {
    if (action.do === 'spawn') effects.spawn(action.worker, action.code)
    else if (action.do === 'stop') {
      observer.count(`worker.${action.why}`)
      effects.stop(action.worker)
    } else error ??= action.error
  }
  return error
}
