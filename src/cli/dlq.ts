/** `anabranch dlq`: the dead letters of a run, listed, shown, replayed, thrown away. */
import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { deadLetters, noEpochs, outputFolder } from '../connectors/index.js'
import { openWorld } from '../runtime/index.js'
import { type Command, type Terminal, usageError, wordsOf } from './command.js'
import { type Letter, letterText, lettersTable, readLetters } from './dlq-letters.js'
import { exitCodes } from './exit-codes.js'
import { counted } from './progress.js'
import { type ReplayValues, replayFiles, replayLines, replayOptions } from './replay.js'

export const dlq: Command = {
  name: 'dlq',
  usage: 'dlq list DIR | show DIR N | replay DIR [N] | purge DIR [--json]',
  summary: 'dead letters of a run: list, show one with its line of code, replay their calls, throw them away',
  options: [
    'DIR               the output folder of the run: ./out/<job> unless --out was given',
    'N                 number of a dead letter, as list shows it',
    'With replay N, as with anabranch replay:',
    ...replayLines,
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(dlq, args, replayOptions)
    const [name = '', dir, ...rest] = positionals
    const work = Object.hasOwn(works, name) ? works[name] : undefined
    if (work === undefined) throw usageError(dlq, `dlq takes list, show, replay or purge, but got "${name}"`)
    if (dir === undefined) throw usageError(dlq, `dlq ${name} needs the output folder of a run${runsHere()}`)
    if (rest.length > 1) throw usageError(dlq, `dlq ${name} takes one number, but got ${rest.length}`)
    const out = resolve(dir)
    const letters = readLetters(out)
    return work({ dir, out, letters, chosen: chosen(name, letters, rest[0]), values, terminal })
  },
}

/** Where runs of this folder wrote to unless they were told otherwise: most people mean one of these. */
function runsHere(): string {
  const folders = existsSync('out') ? ['out', ...readdirSync('out').map(name => join('out', name))] : []
  const runs = folders.filter(folder => existsSync(join(folder, 'dead-letters')))
  return runs.length === 0 ? '' : `: here is ${runs.join(', ')}`
}

interface Asked {
  /** As it was given. */
  readonly dir: string
  readonly out: string
  readonly letters: readonly Letter[]
  readonly chosen: Letter | null
  readonly values: ReplayValues
  readonly terminal: Terminal
}

const works: Readonly<Record<string, (asked: Asked) => Promise<number> | number>> = { list, show, replay, purge }

function chosen(name: string, letters: readonly Letter[], word: string | undefined): Letter | null {
  if (word === undefined) return null
  const found = letters.find(each => String(each.number) === word)
  if (found !== undefined) return found
  const have = letters.length === 0 ? 'there is none' : `there are 1 to ${letters.length}`
  throw usageError(dlq, `dlq ${name} takes the number of a dead letter, but "${word}" is none: ${have}`)
}

function list({ letters, values, terminal, dir }: Asked): number {
  if (values.json === true) terminal.out(JSON.stringify({ letters }))
  else if (letters.length === 0) terminal.err(`no dead letters in ${dir}`)
  else {
    terminal.out(lettersTable(letters))
    terminal.err(`more about one: npx anabranch dlq show ${dir} ${letters[0]?.number ?? 1}`)
  }
  return exitCodes.done
}

function show({ chosen: letter, values, terminal, dir }: Asked): number {
  if (letter === null) throw usageError(dlq, 'dlq show needs the number of a dead letter')
  terminal.out(values.json === true ? JSON.stringify(letter) : letterText(letter, dir))
  return exitCodes.done
}

async function replay({ letters, chosen: letter, values, terminal, out }: Asked): Promise<number> {
  const wanted = letter === null ? letters : [letter]
  const files = wanted.flatMap(each => (each.capture === null ? [] : [join(out, each.capture)]))
  const without = wanted.length - files.length
  if (letter !== null && without > 0) {
    const why =
      letter.transform === '' ? 'no call failed: its source could not read the row' : 'its capture was not kept'
    throw usageError(dlq, `dead letter ${letter.number} cannot be replayed: ${why}`)
  }
  if (without > 0) terminal.err(`${without} of ${wanted.length} not replayed: no call failed for it, or none was kept`)
  if (files.length > 0) {
    const code = await replayFiles(files.map(shorter), values)
    if (code === exitCodes.done && isPlain(values))
      terminal.err('nothing was written: run the job again for these rows')
    return code
  }
  if (values.json === true) terminal.out(JSON.stringify({ replayed: [] }))
  return exitCodes.done
}

const isPlain = (values: ReplayValues): boolean => Object.values(values).every(value => value === undefined)

const shorter = (path: string): string => relative(process.cwd(), path) || path

/** While a run lives in the folder its letters stay: ANB4007. */
async function purge({ letters, values, terminal, dir, out }: Asked): Promise<number> {
  if (letters.length > 0) {
    const world = openWorld()
    try {
      const { files, clock, random } = world
      const folder = outputFolder({ path: out, job: 'purge', pid: process.pid, files, clock, random })
      const observer = { count: () => undefined, log: () => undefined }
      try {
        // A new run begins with none.
        const letters = deadLetters({ out, files, observer })
        await letters.open(noEpochs)
        letters.close()
      } finally {
        folder.close()
      }
    } finally {
      await world.close()
    }
  }
  if (values.json === true) terminal.out(JSON.stringify({ purged: letters.length }))
  else terminal.err(`threw away ${counted(letters.length, 'dead letter')} of ${dir}`)
  return exitCodes.done
}
