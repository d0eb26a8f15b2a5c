/** `anabranch version`. */
import { readFileSync } from 'node:fs'
import { shape } from '../base/index.js'
import { type Command, exitCodes, wordsOf } from './command.js'

export const version: Command = {
  name: 'version',
  usage: 'version',
  summary: 'print the version',
  options: [],
  async run(args, terminal) {
    wordsOf(version, args, {})
    // Read here and not asked of the runtime: loading that loads Arrow and ZeroMQ.
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    terminal.out(shape.string(shape.record(JSON.parse(text), '')['version'], 'version'))
    return exitCodes.done
  },
}
