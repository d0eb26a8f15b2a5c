/**
 * Checks without Python: a stand-in says what a row breaks, in texts, and the row fares as `onFail` says. A check without
 * a stand-in finds every row good, so that a test of other things need not speak of it.
 */
import { type OpenOperator } from '../../plan/index.js'
import { type StandInLike } from './chain.js'
import { reject } from './stand-in.js'

const allGood: StandInLike = { each: () => [], atEnd: null }

export function checkStandIn(name: string, check: NonNullable<OpenOperator['check']>, { each } = allGood): StandInLike {
  return {
    atEnd: null,
    each: (...row) => {
      const said = each(...row)
      if (!Array.isArray(said))
        throw new TypeError(`the stand-in of contract "${name}" answers what a row breaks: texts`)
      const texts = said.map(String)
      if (check.onFail === 'flag') return { [check.column]: texts }
      if (texts.length > 0 && check.onFail === 'stop')
        throw new TypeError(`check "${name}" stops the job, which a stand-in cannot do: run it with .runPython()`)
      return texts.length > 0 ? reject(texts.join('; ')) : {}
    },
  }
}
