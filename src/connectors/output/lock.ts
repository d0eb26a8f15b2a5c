/**
 * The lock of an output folder: a file that only one process can make, which says who made it. Who finds one looks
 * whether that process still lives: same boot of the machine, same process id, same start time in /proc, so neither
 * kill -9 nor a process id that is used again keeps a folder locked.
 *
 * A dead run's lock is taken away by renaming it and looking at what was renamed: of two runs that find it at once,
 * one gets it, and the other puts back what it took by mistake.
 */
import { join } from 'node:path'
import { ConnectorError, type Files, type Random } from '../../base/index.js'
import { errnoOf, writing } from '../io-error.js'
import { parseFields } from '../json.js'

interface Owner {
  readonly pid: number
  /** Of the machine; empty where there is no /proc. */
  readonly boot: string
  /** Of the process, in clock ticks since boot; empty where there is no /proc. */
  readonly started: string
  /** Chance, so that a lock can be told from another one of the same process. */
  readonly token: string
}

/** Rounds of taking a dead run's lock away; more than one only when several runs start at once. */
const roundsMax = 10

/** Answers how to release it. Throws a ConnectorError (ANB4007) where a run that lives has it. */
export function takeLock(options: {
  readonly folder: string
  readonly pid: number
  readonly files: Files
  readonly random: Random
}): () => void {
  const { folder, pid, files, random } = options
  const path = join(folder, '.lock')
  const mine: Owner = { pid, boot: bootOf(files), started: startOf(files, pid), token: random.hex(8) }
  for (let round = 0; round < roundsMax; round += 1) {
    const made = make(files, path, mine)
    const text = read(files, path)
    if (text === null) continue
    // Made, and still ours: who found it while it was empty may have taken it away as a dead run's.
    if (made && parse(text)?.token === mine.token) return () => release(files, path, mine)
    const owner = parse(text)
    if (owner !== null && lives(files, owner)) throw inUse(folder, `by process ${owner.pid}`)
    takeAway(files, path, text, mine)
  }
  throw inUse(folder, 'by a run that started at the same time')
}

function make(files: Files, path: string, owner: Owner): boolean {
  try {
    const file = files.open(path, 'exclusive')
    try {
      file.append(Buffer.from(JSON.stringify(owner)))
    } finally {
      file.close()
    }
    return true
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return false
    return writing(path, () => {
      throw cause
    })
  }
}

function takeAway(files: Files, path: string, expected: string, mine: Owner): void {
  const aside = `${path}.${mine.token}`
  try {
    files.rename(path, aside)
    if (read(files, aside) === expected) files.remove(aside)
    else files.rename(aside, path)
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') {
      writing(path, () => {
        throw cause
      })
    }
  }
}

function release(files: Files, path: string, mine: Owner): void {
  const text = read(files, path)
  if (text !== null && parse(text)?.token === mine.token) writing(path, () => files.remove(path))
}

/** Without /proc nobody can tell: the lock holds, and the hint says what to do. */
function lives(files: Files, owner: Owner): boolean {
  const boot = bootOf(files)
  if (boot === '' || owner.boot === '') return true
  return owner.boot === boot && owner.started === startOf(files, owner.pid) && owner.started !== ''
}

const bootOf = (files: Files): string => (read(files, '/proc/sys/kernel/random/boot_id') ?? '').trim()

/** Field 22 of /proc/PID/stat; the command before it is in brackets and may hold anything. Empty for a dead process. */
function startOf(files: Files, pid: number): string {
  const text = read(files, `/proc/${pid}/stat`) ?? ''
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '')
}

function read(files: Files, path: string): string | null {
  try {
    return files.readText(path)
  } catch {
    return null
  }
}

/** Null for a lock of a run that died while it wrote it, or that is not ours. */
function parse(text: string): Owner | null {
  const { pid, boot, started, token } = parseFields(text) ?? {}
  const texts = typeof boot === 'string' && typeof started === 'string' && typeof token === 'string'
  return typeof pid === 'number' && texts ? { pid, boot, started, token } : null
}

const inUse = (folder: string, by: string): ConnectorError =>
  new ConnectorError('ANB4007', `output folder "${folder}" is in use ${by}`, {
    hint: `wait for the other run, or give another --out; if nothing runs, remove ${join(folder, '.lock')}`,
  })
