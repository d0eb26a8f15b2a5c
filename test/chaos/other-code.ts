/** Other code for the job while it is hurt: the same in another file, or with a bug that raises for every row; neither may be seen in what comes out. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AnabranchError, type ErrorCode } from '../../src/base/index.js'
import { askSwap } from '../../src/control/index.js'

export type OtherCode = 'same' | 'bug'
/** What whoever asked was told; `nobody answered`: the host died, or its run was over. */
export type WordOnIt = 'kept' | 'thrown away' | 'refused' | 'nobody answered'

const firstLine = '    """Names the call; raises on poison, lies where a row says so."""\n'
/** The worker that was to have it was killed, or the run ended before its first epoch did. */
const refusals: ReadonlySet<ErrorCode> = new Set(['ANB3003', 'ANB8012'])

/** Writes both beside the code of the job. */
export function writeOtherCode(path: string): void {
  const code = readFileSync(join(path, 'transforms.py'), 'utf8')
  if (!code.includes(firstLine)) throw new Error('expected a place for a bug in the transforms')
  writeFileSync(join(path, 'same.py'), code)
  writeFileSync(join(path, 'bug.py'), code.replace(firstLine, `${firstLine}    raise ValueError("a bug")\n`))
}

export async function askForOtherCode(out: string, code: OtherCode): Promise<WordOnIt> {
  // Rows with poison raise in the same code too.
  const maxErrors = code === 'same' ? 0.5 : 0.01
  try {
    const { kept } = await askSwap(out, { module: `${code}.py`, operator: null, maxErrors })
    return kept ? 'kept' : 'thrown away'
  } catch (error) {
    if (!(error instanceof AnabranchError)) throw error
    return refusals.has(error.code) ? 'refused' : 'nobody answered'
  }
}
