/**
 * The files of a database of LevelDB, looked at to the last byte before it opens them: it would leave out what it cannot read of its
 * log, and give out blocks whatever is in them. What a file lies under says nothing, so what the manifest does not name may be anything.
 *
 * Behind this the database holds what was written until some write, and nothing else. Which write that is its owner has to know:
 * the last one may have been torn, or may be gone where the machine was.
 */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './folder-files.js'
import { LevelBytes } from './level-bytes.js'
import { readLevelLog } from './level-log.js'
import { isWholeTable } from './level-table.js'

/** Of a batch: u64 number of its first entry, u32 entries. */
const batchHeadBytes = 12
const logName = /^(\d+)\.log$/

/** What the manifest says. */
interface LiveFiles {
  /** Bytes by number. */
  readonly tables: ReadonlyMap<number, number>
  /** The oldest log that counts; 0: none was begun. */
  readonly log: number
  /** Entries so far, when that was written. */
  readonly entries: number
}

/** What is wrong with the files of a database, in words; null: nothing. */
export async function damageOf(folder: string): Promise<string | null> {
  const current = await read(join(folder, 'CURRENT'))
  const name = /^(MANIFEST-\d+)\n$/.exec(Buffer.from(current ?? []).toString('latin1'))?.[1]
  if (name === undefined) return current === null ? 'it lacks CURRENT' : otherThan('CURRENT')
  const manifest = await read(join(folder, name))
  if (manifest === null) return `it lacks ${name}`
  const { records, end } = readLevelLog(manifest, 1)
  // An edit that was torn was not acted on: what it names is still to come, what it takes away is still there.
  if (end === 'records' || end === 'unreadable') return otherThan(name)
  const live = liveIn(records)
  return (await damageOfTables(folder, live)) ?? (await damageOfLogs(folder, live))
}

const otherThan = (file: string): string => `${file} is not what was written`

function liveIn(edits: readonly Uint8Array[]): LiveFiles {
  const tables = new Map<number, number>()
  let [log, entries] = [0, 0]
  for (const edit of edits) {
    const said = new LevelBytes(edit)
    const compacted = (): void => {
      said.varint()
      said.text()
    }
    const gone = (): void => {
      said.varint()
      tables.delete(said.varint())
    }
    const came = (): void => {
      said.varint()
      tables.set(said.varint(), said.varint())
      said.text()
      said.text()
    }
    while (!said.isOver) {
      const tag = said.varint()
      if (tag === 1) said.text()
      else if (tag === 2) log = said.varint()
      else if (tag === 4) entries = said.varint()
      else if (tag === 5) compacted()
      else if (tag === 6) gone()
      else if (tag === 7) came()
      else said.varint()
    }
  }
  return { tables, log, entries }
}

async function damageOfTables(folder: string, { tables }: LiveFiles): Promise<string | null> {
  const names = new Set(await readdir(folder))
  for (const [number, bytes] of tables) {
    const name = `${numbered(number)}.ldb`
    if (!names.has(name)) return `it lacks ${name}`
    if (!(await isWholeTable(join(folder, name), bytes))) return otherThan(name)
  }
  return null
}

/** A log is begun when the one before has all of its batches, so only the last one may be torn; and batches count on. */
async function damageOfLogs(folder: string, live: LiveFiles): Promise<string | null> {
  const numbers = (await readdir(folder)).flatMap(name => Number(logName.exec(name)?.[1] ?? Number.NaN))
  const logs = numbers.filter(number => number >= live.log).sort((a, b) => a - b)
  if (live.log > 0 && logs[0] !== live.log) return `it lacks ${numbered(live.log)}.log`
  let next: number | null = null
  for (const number of logs) {
    const name = `${numbered(number)}.log`
    const { records, end } = readLevelLog((await read(join(folder, name))) ?? new Uint8Array(0), batchHeadBytes)
    if (end === 'records' || (end !== 'nothing' && number !== logs.at(-1))) return otherThan(name)
    for (const batch of records) {
      const { first, count } = batchHead(batch)
      if (next === null ? first > live.entries + 1 : first !== next)
        return `entries are missing before those of ${name}`
      next = first + count
    }
  }
  return null
}

function batchHead(batch: Uint8Array): { readonly first: number; readonly count: number } {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  return { first: Number(view.getBigUint64(0, true)), count: view.getUint32(8, true) }
}

const numbered = (number: number): string => String(number).padStart(6, '0')

/** Null where it is not there. */
function read(path: string): Promise<Uint8Array | null> {
  return readFile(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  })
}
