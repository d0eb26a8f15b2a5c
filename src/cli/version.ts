/** `anabranch version` */
import { packageVersion } from '../runtime/index.js'
import { exitCodes } from './command.js'

export function version(): Promise<number> {
  process.stdout.write(`${packageVersion}\n`)
  return Promise.resolve(exitCodes.done)
}
