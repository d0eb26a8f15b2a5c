/**
 * What the platform throws, as the ConnectorError that a person can act on: which path, what was tried, and the
 * errno in words and as its name. Our own errors pass as they are.
 */
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
  cause instanceof AnabranchError ? cause : new ConnectorError(code, `${what}: ${errnoText(cause)}`, { cause })

/** `no space left on device (ENOSPC)` for what Node says as `ENOSPC: no space left on device, write`. */
export function errnoText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const said = /^([A-Z][A-Z0-9_]+): ([^,]+)/.exec(cause.message)
  if (said !== null) return `${said[2]} (${said[1]})`
  const code = errnoOf(cause)
  return code === null ? cause.message : `${cause.message} (${code})`
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
