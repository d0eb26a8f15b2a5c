/** `anabranch doctor`: whether this machine can run jobs here, and what to do where it cannot. Changes nothing. */
import { type Command, wordsOf } from './command.js'
import { type Finding, examine } from './doctor-checks.js'
import { exitCodes } from './exit-codes.js'

export const doctor: Command = {
  name: 'doctor',
  usage: 'doctor [--json]',
  summary: 'check Node, Python, packages, disk, limits; say what to do',
  options: ['--json            one JSON object: ok, findings'],
  async run(args, terminal) {
    const { values } = wordsOf(doctor, args, { json: { type: 'boolean' } })
    const findings = await examine()
    const ok = findings.every(each => each.verdict !== 'broken')
    terminal.out(values.json === true ? JSON.stringify({ ok, findings }) : findings.map(line).join('\n'))
    if (values.json !== true) terminal.err(ok ? 'jobs can run here' : 'jobs cannot run here; see the hints above')
    return ok ? exitCodes.done : exitCodes.usage
  },
}

function line({ name, verdict, found, hint }: Finding): string {
  const head = `${verdict.padEnd(7)} ${name.padEnd(11)} ${found}`
  return hint === '' ? head : `${head}\n${' '.repeat(8)}hint: ${hint}`
}
