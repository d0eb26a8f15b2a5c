/** A pool of workers told one event after the other: who gets the work, and what is to be done. */
import { Pool, type PoolAction, type PoolTerms } from '../../src/workers/index.js'
import { tell } from './story.js'

const usual: PoolTerms = {
  workersMin: null,
  workersMax: 2,
  creditPerWorker: 2,
  failedStartsMax: 3,
  alikeStartsMax: 1,
  recycleBytes: 1_000,
  spares: 1,
  spareDelayMs: 0,
}

function doesOf(action: PoolAction): string {
  if (action.do === 'fail') return `fail ${action.error.code}`
  const code = action.do === 'spawn' && action.code > 1 ? ` of code ${action.code}` : ''
  return `${action.do} ${action.worker}${code}`
}

/** Events: `look`, `ready N`, `lost N` (`lost N END`: by itself; `EMFILE`: the machine did not let it start), `work` (`last work`: nothing may stand behind it), `set N` (`set N by-load`), `want N`, `done N` (`done N large`), `kill N`, `close`; of other code `warm`, `cool` and `change`. */
export function checkPool(terms: Partial<PoolTerms>, text: string): void {
  const pool = new Pool({ ...usual, ...terms })
  tell(text, (event, atMs) => {
    const [what = '', number, more] = event.split(' ')
    const worker = Number(number)
    let given = ''
    if (what === 'ready') pool.ready(worker, atMs)
    else if (what === 'lost')
      pool.lost(worker, atMs, { end: more ?? null, why: more === 'EMFILE' ? `spawn python ${more}` : 'it died' })
    else if (what === 'kill') pool.ending(worker)
    else if (what === 'done') pool.settled(worker, more === 'large' ? 1_001 : 1_000)
    else if (what === 'set') pool.resize({ workersMin: more === undefined ? null : 1, workersMax: worker })
    else if (what === 'want') pool.want(worker)
    else if (what === 'close') pool.close()
    else if (what === 'warm') pool.warm()
    else if (what === 'cool') pool.cool()
    else if (what === 'change') pool.changeCode()
    else if (what === 'work' || what === 'last') {
      const picked = pool.pick()
      given = picked === null ? 'nobody' : `to ${picked}`
      if (picked === null) pool.wantMore()
      else pool.granted(picked, what === 'last')
    }
    const does = pool.actions(atMs).map(a => doesOf(a))
    return [given, does.join(', ')]
  })
}
