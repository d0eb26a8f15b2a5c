/**
 * Dead letters: rows that no transform could take, one JSON object a line and one file an operator, with the Arrow
 * capture of the call that failed. A line is in its file as soon as it is written, so a person can follow it.
 *
 * A run replaces what an earlier one left, but only files with our names: a folder of dead letters is a place where
 * people also put notes.
 */
import { join } from 'node:path'
import { type ErrorClass, type ErrorCode, type Files, type Observer, type OpenFile } from '../../base/index.js'
import { writing } from '../io-error.js'

/** More would fill a disk with what nobody looks at; the letters themselves have no limit here (`maxDead` is one). */
const capturesMax = 1_000

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
export interface DeadLetters {
  /** Lines are in the file when it returns. Throws a ConnectorError. */
  write(letters: readonly DeadLetter[]): void
  /** Keeps the Arrow bytes of a failing call; null where the limit of 1,000 captures a run is reached. */
  capture(operator: string, bytes: Uint8Array): string | null
  /** Letters written, by operator. */
  readonly counts: ReadonlyMap<string, number>
  /** Can be called twice. */
  close(): void
}
/** Removes what an earlier run left in `DIR/dead-letters`; the folder appears with the first letter. */
export function deadLetters(options: {
  /** Absolute output folder of the run (DIR). */
  readonly out: string
  readonly files: Files
  readonly observer: Observer
}): DeadLetters {
  const folder = join(options.out, 'dead-letters')
  removeOwn(options.files, folder, /\.jsonl$/)
  removeOwn(options.files, join(folder, 'captures'), /^\d+-.*\.arrow$/)
  return new Letters(folder, options.files, options.observer)
}

function removeOwn(files: Files, folder: string, ours: RegExp): void {
  if (files.stat(folder)?.kind !== 'directory') return
  for (const name of files.list(folder)) {
    const path = join(folder, name)
    if (ours.test(name)) writing(path, () => files.remove(path))
  }
}

class Letters implements DeadLetters {
  readonly counts = new Map<string, number>()
  private readonly open = new Map<string, OpenFile>()
  private captures = 0
  private closed = false

  constructor(
    private readonly folder: string,
    private readonly files: Files,
    private readonly observer: Observer,
  ) {}

  write(letters: readonly DeadLetter[]): void {
    for (const [operator, own] of groupByOperator(letters)) {
      const path = join(this.folder, `${fileName(operator)}.jsonl`)
      const bytes = Buffer.from(own.map(lineOf).join(''))
      writing(path, () => this.fileOf(operator, path).append(bytes))
      this.counts.set(operator, (this.counts.get(operator) ?? 0) + own.length)
    }
  }

  capture(operator: string, bytes: Uint8Array): string | null {
    this.captures += 1
    if (this.captures > capturesMax) return null
    const name = join('captures', `${this.captures}-${fileName(operator)}.arrow`)
    const path = join(this.folder, name)
    writing(path, () => {
      this.files.makeDirectory(join(this.folder, 'captures'))
      const file = this.files.open(path, 'create')
      try {
        file.append(bytes)
      } finally {
        file.close()
      }
    })
    return join('dead-letters', name)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    for (const file of this.open.values()) file.close()
    this.open.clear()
    const skipped = this.captures - capturesMax
    if (skipped > 0) {
      const message = `${skipped} captures of failing calls were not kept: the limit of a run is ${capturesMax}`
      this.observer.log('warning', message)
    }
  }

  private fileOf(operator: string, path: string): OpenFile {
    const open = this.open.get(operator)
    if (open !== undefined) return open
    this.files.makeDirectory(this.folder)
    const file = this.files.open(path, 'append')
    this.open.set(operator, file)
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

/** Operator ids are file names already, by the plan's rule; what is not is written as its percent code. */
const fileName = (operator: string): string =>
  encodeURIComponent(operator).replace(/^\.+/, dots => '%2E'.repeat(dots.length))
