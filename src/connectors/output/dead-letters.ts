import { type ErrorClass, type ErrorCode, type Files, type Observer } from '../../base/index.js'

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
export declare function deadLetters(options: {
  readonly out: string
  readonly files: Files
  readonly observer: Observer
}): DeadLetters
