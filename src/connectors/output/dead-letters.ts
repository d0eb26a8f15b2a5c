/**
 * Dead letters: rows that no transform could take, one JSON object a line and one file an operator, with the Arrow
 * capture of the call that failed. A line is in its file as soon as it is written, so a person can follow it.
 *
 * A run replaces what an earlier one left, but only files with our names: a folder of dead letters is a place where
 * people also put notes.
 */
import { join } from 'node:path'
import { type ErrorClass, type ErrorCode, type Files, type Observer, type OpenFile } from '../../base/index.js'
import { type EpochOutput, type Prepared, type SinkStart } from '../contract.js'
import { writing } from '../io-error.js'
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
  private closed = false

  constructor(
    private readonly folder: string,
    private readonly files: Files,
    private readonly captures: Captures,
  ) {}

  async open(start: SinkStart): Promise<{ readonly applied: null }> {
    removeOwn(this.files, this.folder, /\.jsonl$/)
    return this.captures.open(start)
  }

  async prepare(): Promise<Prepared> {
    return null
  }

  async commit(): Promise<void> {}

  write(letters: readonly DeadLetter[]): void {
    for (const [operator, own] of groupByOperator(letters)) {
      const path = join(this.folder, `${fileName(operator)}.jsonl`)
      const bytes = Buffer.from(own.map(lineOf).join(''))
      writing(path, () => this.fileOf(operator, path).append(bytes))
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

  private fileOf(operator: string, path: string): OpenFile {
    const open = this.opened.get(operator)
    if (open !== undefined) return open
    this.files.makeDirectory(this.folder)
    const file = this.files.open(path, 'append')
    this.opened.set(operator, file)
    return file
  }
}

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
