/** `anabranch version`. */
import { packageVersion } from '../runtime/index.js'
import { type Command, exitCodes, wordsOf } from './command.js'

export const version: Command = {
  name: 'version',
  usage: 'version',
  summary: 'print the version',
  options: [],
  async run(args, terminal) {
    wordsOf(version, args, {})
    terminal.out(packageVersion)
    return exitCodes.done
  },
}
