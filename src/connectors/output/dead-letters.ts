/**
 * Dead letters: rows that no transform could take, one JSON object a line and one file an operator, with the Arrow
 * capture of the call that failed. A line is in its file as soon as it is written, so a person can follow it.
 *
 * A run replaces what an earlier one left, but only files with our names: a folder of dead letters is a place where
 * people also put notes. A run that goes on with an earlier one cuts the files off where they were at its start, where they begin
 * with what they had then: those of somebody else stay whole, and letters are added.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type ErrorClass, type ErrorCode, type Files, type Observer, type OpenFile, shape } from '../../base/index.js'
import { makeLasting } from '../atomic.js'
import { type EpochOutput, type Prepared, type SinkOpened, type SinkStart } from '../contract.js'
import { writing, writingAsync } from '../io-error.js'
import { preparedAs } from '../prepared.js'
import { sumOf } from '../sum-of.js'
import { Captures } from './captures.js'
import { fileName, removeOwn } from './own-files.js'

/** One line of `DIR/dead-letters/<operator>.jsonl`; the fields of the file are exactly these. */
export interface DeadLetter {
  readonly operator: string
  /** Name of the Python function; null where a source could not read the row. */
  readonly transform: string | null
  /** Split that the row came from; null where it is not known. */
  readonly source: string | null
  readonly position: number | null
  /** The row as JSON text, or a line that did not parse, as text. */
  readonly row: { readonly json: string } | { readonly text: string }
  readonly error: {
    readonly class: ErrorClass
    readonly code: ErrorCode
    readonly type: string
    readonly message: string
    readonly traceback: string | null
  }
  /** Path relative to DIR, as `capture` answered it. */
  readonly capture: string | null
  readonly codeDigest: string | null
  readonly attempt: number
}
export interface DeadLetters extends EpochOutput {
  /** Lines are in the file when it returns. Throws a ConnectorError. */
  write(letters: readonly DeadLetter[]): void
  /** Keeps the Arrow bytes of a failing call, as `Captures.keep` does. */
  capture(operator: string, make: () => Uint8Array): string | null
  /** Letters written, by operator. */
  readonly counts: ReadonlyMap<string, number>
  /** Can be called twice. */
  close(): void
}
/** `open` removes what an earlier run left in `DIR/dead-letters`; the folder appears with the first letter. */
export function deadLetters(options: {
  /** Absolute output folder of the run (DIR). */
  readonly out: string
  readonly files: Files
  readonly observer: Observer
}): DeadLetters {
  const folder = join(options.out, 'dead-letters')
  return new Letters(folder, options.files, new Captures(join('dead-letters', 'captures'), options))
}

class Letters implements DeadLetters {
  readonly counts = new Map<string, number>()
  private readonly opened = new Map<string, OpenFile>()
  /** What each file has, by operator. */
  private readonly contents = new Map<string, Content>()
  private readonly unsynced = new Set<OpenFile>()
  private closed = false

  constructor(
    private readonly folder: string,
    private readonly files: Files,
    private readonly captures: Captures,
  ) {}

  async open(start: SinkStart): Promise<SinkOpened> {
    const { letters, captures } = lettersOf(start.prepared)
    const kept = new Map(letters.map(each => [`${fileName(each.operator)}.jsonl`, each]))
    removeOwn(this.files, this.folder, name => name.endsWith('.jsonl') && !kept.has(name))
    const isOurs = letters.map(each => this.cutOff(each)).every(Boolean)
    return isOurs ? this.captures.open({ ...start, prepared: captures }) : this.captures.openBehindAll(start)
  }

  async prepare(): Promise<Prepared> {
    const letters = [...this.counts].map(([operator, count]) => {
      return { operator, count, ...(this.contents.get(operator) ?? nothing) }
    })
    const [captures] = await Promise.all([this.captures.prepare(), this.sync()])
    return { letters, captures }
  }

  async commit(): Promise<void> {}

  write(letters: readonly DeadLetter[]): void {
    for (const [operator, own] of groupByOperator(letters)) {
      const path = join(this.folder, `${fileName(operator)}.jsonl`)
      const bytes = Buffer.from(own.map(lineOf).join(''))
      writing(path, () => this.append(operator, path, bytes))
      this.counts.set(operator, (this.counts.get(operator) ?? 0) + own.length)
    }
  }

  capture(operator: string, make: () => Uint8Array): string | null {
    return this.captures.keep(operator, make)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    for (const file of this.opened.values()) file.close()
    this.opened.clear()
    this.captures.close()
  }

  private async sync(): Promise<void> {
    const written = [...this.unsynced]
    this.unsynced.clear()
    await writingAsync(this.folder, () => Promise.all(written.map(file => file.syncSoon())))
    if (written.length > 0) writing(this.folder, () => this.files.syncDirectory(this.folder))
  }

  private append(operator: string, path: string, bytes: Uint8Array): void {
    const file = this.fileOf(operator, path)
    file.append(bytes)
    this.unsynced.add(file)
    const sum = crc32(bytes, this.contents.get(operator)?.crc32 ?? 0)
    this.contents.set(operator, { bytes: file.stat().bytes, crc32: sum })
  }

  /** A file that somebody has thrown away, cut or written meanwhile is theirs to keep so: false where there are letters in it. */
  private cutOff({ operator, count, bytes, crc32: sum }: KeptLetters): boolean {
    const path = join(this.folder, `${fileName(operator)}.jsonl`)
    const found = this.files.stat(path)?.bytes ?? 0
    if (found === 0) return true
    const begins = sumOf(this.files, path, bytes)
    const isOurs = found >= bytes && (sum ?? begins) === begins
    if (isOurs) writing(path, () => this.fileOf(operator, path).truncate(bytes))
    this.counts.set(operator, isOurs ? count : 0)
    this.contents.set(operator, isOurs ? { bytes, crc32: begins } : wholeOf(this.files, path))
    return isOurs
  }

  private fileOf(operator: string, path: string): OpenFile {
    const open = this.opened.get(operator)
    if (open !== undefined) return open
    makeLasting(this.files, this.folder)
    const file = this.files.open(path, 'append')
    this.opened.set(operator, file)
    return file
  }
}

interface Content {
  readonly bytes: number
  readonly crc32: number
}
const nothing: Content = { bytes: 0, crc32: 0 }

function wholeOf(files: Files, path: string): Content {
  const bytes = files.stat(path)?.bytes ?? 0
  return { bytes, crc32: sumOf(files, path, bytes) }
}

interface KeptLetters {
  readonly operator: string
  readonly count: number
  readonly bytes: number
  /** Null in what was written before there was one. */
  readonly crc32: number | null
}
const keptShape = shape.object({
  letters: shape.list(
    shape.object({
      operator: shape.string,
      count: shape.whole,
      bytes: shape.whole,
      crc32: (value, path) => shape.nullOr(shape.whole)(value ?? null, path),
    }),
  ),
  captures: shape.anyJson(),
})

const lettersOf = (prepared: Prepared | null): { letters: readonly KeptLetters[]; captures: Prepared | null } =>
  prepared === null ? { letters: [], captures: null } : preparedAs(keptShape, prepared)

function groupByOperator(letters: readonly DeadLetter[]): ReadonlyMap<string, readonly DeadLetter[]> {
  const groups = new Map<string, DeadLetter[]>()
  for (const letter of letters) {
    const group = groups.get(letter.operator)
    if (group === undefined) groups.set(letter.operator, [letter])
    else group.push(letter)
  }
  return groups
}

/** The row's JSON is put in as it is: reading it here would round its large numbers. */
function lineOf(letter: DeadLetter): string {
  const { operator, transform, source, position, row, error, capture, attempt } = letter
  const before = JSON.stringify({ operator, transform, source, position }).slice(0, -1)
  const after = JSON.stringify({ error: fieldsOf(error), capture, code_digest: letter.codeDigest, attempt }).slice(1)
  return `${before},"row":${'json' in row ? row.json : JSON.stringify(row.text)},${after}\n`
}

function fieldsOf(error: DeadLetter['error']): DeadLetter['error'] {
  return {
    class: error.class,
    code: error.code,
    type: error.type,
    message: error.message,
    traceback: error.traceback,
  }
}
