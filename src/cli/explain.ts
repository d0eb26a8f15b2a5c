/** `anabranch explain`: a code in words, or a job. */
import { catalogue } from '../base/index.js'
import { type Command, oneWord, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { plan } from './plan.js'

export const explain: Command = {
  name: 'explain',
  usage: 'explain CODE | JOB.ts [--graph] [--json]',
  summary: 'say what an error code means, or what a job will do',
  options: ['--graph           of a job: a Mermaid graph', '--json            one JSON object'],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(explain, args, { graph: { type: 'boolean' }, json: { type: 'boolean' } })
    const word = oneWord(explain, positionals, 'a code or a job file')
    if (!/^ANB\d+$/i.test(word)) return plan.run(args, terminal)
    const entry = Object.entries(catalogue).find(([code]) => code === word.toUpperCase())
    if (entry === undefined) throw usageError(explain, `there is no code "${word}"`)
    const [code, { title, hint }] = entry
    terminal.out(values.json === true ? JSON.stringify({ code, title, hint }) : `${code} ${title}\n  hint:   ${hint}`)
    return exitCodes.done
  },
}
