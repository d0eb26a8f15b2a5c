/**
 * What the platform throws, as the ConnectorError that a person can act on: which path, what was tried, and the
 * errno in words and as its name. Our own errors pass as they are.
 */
import { getSystemErrorMap } from 'node:util'
import { AnabranchError, ConnectorError, type ErrorCode } from '../base/index.js'

/** Runs one step of reading `path`; ANB4001 where the platform refuses. */
export const reading = <T>(path: string, step: () => T): T => guarded('ANB4001', `could not read "${path}"`, step)

/** Runs one step of writing `path`; ANB4003 where the platform refuses. */
export const writing = <T>(path: string, step: () => T): T => guarded('ANB4003', `could not write "${path}"`, step)

/** As `writing`, for a step that takes time. */
export async function writingAsync<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw explained('ANB4003', `could not write "${path}"`, cause)
  }
}

function guarded<T>(code: ErrorCode, what: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw explained(code, what, cause)
  }
}

const explained = (code: ErrorCode, what: string, cause: unknown): unknown =>
  cause instanceof AnabranchError
    ? cause
    : new ConnectorError(code, `${what}: ${errnoText(cause)}`, { ...hintFor(code, cause), cause })

const writeHints: Readonly<Record<string, string>> = {
  EEXIST: 'a file is in the way of a folder: move it, or give another --out',
  ENOTDIR: 'a file is in the way of a folder: move it, or give another --out',
  ENAMETOOLONG: 'give a shorter --out',
  ENOSPC: 'make room, or give another --out',
  EROFS: 'the file system is read-only: give another --out',
  EACCES: 'give another --out, or the right to write there',
  EPERM: 'give another --out, or the right to write there',
}

/** Whatever is done with a file: nobody can look at it. */
const everyHint: Readonly<Record<string, string>> = {
  EMFILE: 'raise the number of open files: ulimit -n 4096',
  ENFILE: 'this machine has too many open files: close some programs',
}

function hintFor(code: ErrorCode, cause: unknown): { readonly hint?: string } {
  const errno = errnoOf(cause) ?? ''
  const hint = everyHint[errno] ?? (code === 'ANB4003' ? writeHints[errno] : undefined)
  return hint === undefined ? {} : { hint }
}

/** `connection refused (ECONNREFUSED)` for what Node says as `connect ECONNREFUSED 127.0.0.1:9000`. */
export function errnoText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const code = errnoOf(cause) ?? /^[A-Z][A-Z0-9_]+(?=: )/.exec(cause.message)?.[0] ?? null
  const [, words = cause.message] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? []
  return code === null ? cause.message : `${words} (${code})`
}

/** `ENOENT` and the like; null where there is none. */
export const errnoOf = (cause: unknown): string | null =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null

export const damaged = (name: string, what: string, cause?: unknown): ConnectorError =>
  new ConnectorError('ANB4002', `file "${name}" ${what}`, cause === undefined ? {} : { cause })

/** A decoder knows no file: what it says of damage is told with the name. */
export function namingDamage<T>(name: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof ConnectorError && cause.code === 'ANB4002') throw damaged(name, cause.message, cause)
    throw cause
  }
}
