/** `anabranch version`. */
import { type Command, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { packageFacts } from './package-root.js'

export const version: Command = {
  name: 'version',
  usage: 'version [--json]',
  summary: 'print the version',
  options: ['--json            as one JSON object, with the version of Node'],
  async run(args, terminal) {
    const { values } = wordsOf(version, args, { json: { type: 'boolean' } })
    const own = packageFacts().version
    terminal.out(values.json === true ? JSON.stringify({ version: own, node: process.versions.node }) : own)
    return exitCodes.done
  },
}
