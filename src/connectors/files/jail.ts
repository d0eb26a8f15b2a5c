/**
 * The jail of a sink: its folder lies inside DIR, as written and as it really is. Every part of the path is looked
 * at after it was made, so that no link on the way leads out.
 */
import { join, normalize, relative, resolve, sep } from 'node:path'
import { ConnectorError, type Files } from '../../base/index.js'
import { makeLasting } from '../atomic.js'
import { writing } from '../io-error.js'

/** Names in DIR that are ours. */
const reserved: ReadonlySet<string> = new Set(['.staging', '.lock', 'state', 'dead-letters', 'run.json'])

/** The sink's path in one form, without a slash at its end: what its manifest and its staging folder are named by. */
export function jailedName(out: string, path: string): string {
  const name = relative(out, resolve(out, path))
  const [first = ''] = name.split(sep)
  if (name === '' || first === '..' || resolve(out, path) !== join(out, name)) throw outside(path, 'leaves it')
  if (reserved.has(first)) throw outside(path, `"${first}" is a name of Anabranch's own`)
  return name
}

/** Makes the folder with its parents; throws a ConnectorError (ANB4005) where a link leads out of `out`. */
export function makeJailed(files: Files, out: string, path: string): string {
  const root = writing(out, () => files.realPath(out))
  let at = root
  for (const part of normalize(path).split(sep)) {
    at = join(at, part)
    const here = at
    writing(here, () => makeLasting(files, here))
    if (writing(here, () => files.realPath(here)) !== here) throw outside(path, `"${here}" is a link`)
  }
  return join(out, path)
}

function outside(path: string, why: string): ConnectorError {
  return new ConnectorError('ANB4005', `sink path "${path}" must be a folder inside the output folder: ${why}`)
}
