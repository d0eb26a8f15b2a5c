/** Which socket the job of an output folder listens at, or why there is none. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConnectorError, shape } from '../base/index.js'

const recordShape = { host: shape.whole, control: shape.nullOr(shape.string) }

/**
 * The socket of the run that lives in the folder.
 * @throws ConnectorError ANB4020 where none does.
 */
export function socketOf(out: string): string {
  const record = recordOf(out)
  if (record === null) throw notThere(out, '')
  const { host, control } = record
  if (!lives(host)) throw notThere(out, `: process ${host} began one and is gone without having finished it`)
  if (control !== null) return control
  throw new ConnectorError('ANB4020', `expected the job in ${out} to listen, process ${host} is only starting`, {
    hint: 'ask again in a moment',
  })
}

/** The run ended, or its process was killed, while we were looking. */
export const notThere = (out: string, why: string): ConnectorError =>
  new ConnectorError('ANB4020', `no job runs in ${out}${why}`)

function recordOf(out: string): { readonly host: number; readonly control: string | null } | null {
  try {
    const { host, control } = shape.record(JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')), '')
    return { host: recordShape.host(host, 'host'), control: recordShape.control(control ?? null, 'control') }
  } catch {
    return null
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
