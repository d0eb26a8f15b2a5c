/** `anabranch help`: the commands, or one of them. */
import { type Command, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'

/** Needs all commands, itself among them. */
export function helpOf(commands: () => readonly Command[]): Command {
  const help: Command = {
    name: 'help',
    usage: 'help [COMMAND] [--json]',
    summary: 'list the commands, or explain one',
    options: ['--json            name, usage, summary and options of each, as one JSON object'],
    async run(args, terminal) {
      const { values, positionals } = wordsOf(help, args, { json: { type: 'boolean' } })
      const [name] = positionals
      const found = commands().filter(one => name === undefined || one.name === name)
      const [first] = found
      if (first === undefined) throw usageError(help, `there is no command "${name}"`)
      if (values.json === true) terminal.out(JSON.stringify({ commands: found }))
      else terminal.out(name === undefined ? overview(found) : details(first))
      return exitCodes.done
    },
  }
  return help
}

export function details(command: Command): string {
  const options = command.options.map(line => `  ${line}`)
  return [`anabranch ${command.usage}`, `  ${command.summary}`, ...(options.length > 0 ? ['', ...options] : [])].join(
    '\n',
  )
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(command => command.name.length))
  return [
    'anabranch: typed jobs in TypeScript, transforms in Python, one batch with the state of its keys',
    '',
    ...commands.map(command => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    'exit codes: 0 done, 1 job failed, 2 usage or plan, 3 internal, 4 code differs; 75 try again; 129, 130, 143 stopped before its end',
    'more about one: anabranch help COMMAND; about an error: anabranch explain CODE',
  ].join('\n')
}
