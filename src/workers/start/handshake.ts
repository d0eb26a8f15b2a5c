/**
 * The handshake: what HELLO, OPENED, LOG and the FAILED that answers OPEN must hold. Pure; what does not fit is refused
 * before the worker gets any row.
 */
import { ProtocolError, WorkerError } from '../../base/index.js'
import { type Frame, protocolVersion } from '../../transport/index.js'
import { type LogRecord, type WorkerReady } from './contract.js'

export type Hello = Pick<WorkerReady, 'pid' | 'versions'>
export type Json = Readonly<Record<string, unknown>>

/** Oldest Python that runs a worker. */
export const pythonMin: readonly [number, number] = [3, 11]

/** The JSON object of a control message's one table. @throws ProtocolError */
export function jsonOf(frame: Frame): Json {
  const table = frame.tables[0]
  const text = table === undefined ? '' : new TextDecoder().decode(table.bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ProtocolError(
      'ANB5001',
      `expected JSON in message ${frame.envelope.kind}, text that does not parse came`,
      { cause },
    )
  }
  if (isJsonObject(value)) return value
  throw new ProtocolError('ANB5001', `expected a JSON object in message ${frame.envelope.kind}, ${typeof value} came`)
}

/** @throws ProtocolError ANB5001 (token) or ANB5002 (versions) */
export function checkHello(hello: Json, expected: { readonly token: string; readonly packageVersion: string }): Hello {
  if (hello['token'] !== expected.token) {
    throw new ProtocolError('ANB5001', 'expected the token of this run in hello, another one came')
  }
  if (hello['protocol'] !== protocolVersion) {
    throw new ProtocolError(
      'ANB5002',
      `expected protocol ${protocolVersion}, the worker speaks ${String(hello['protocol'])}`,
    )
  }
  const versions = {
    python: text(hello, 'python'),
    package: text(hello, 'package'),
    pyarrow: text(hello, 'pyarrow'),
    numpy: text(hello, 'numpy'),
    pyzmq: text(hello, 'pyzmq'),
  }
  if (versions.package !== expected.packageVersion) {
    throw new ProtocolError(
      'ANB5002',
      `expected version ${expected.packageVersion} of the Python package, the worker has ${versions.package}`,
    )
  }
  if (!atLeast(versions.python, pythonMin)) {
    throw new WorkerError(
      'ANB8002',
      `expected Python ${pythonMin.join('.')} or newer, the worker runs ${versions.python}`,
    )
  }
  const pid = hello['pid']
  return { pid: typeof pid === 'number' ? pid : 0, versions }
}

export function logOf(json: Json): LogRecord {
  const line = json['line']
  return {
    level: text(json, 'level'),
    logger: text(json, 'logger'),
    message: text(json, 'message'),
    file: text(json, 'file'),
    line: typeof line === 'number' ? line : 0,
    transform: text(json, 'transform'),
  }
}

export function isJsonObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `3.10.4` is at least [3, 10]. */
export function atLeast(version: string, least: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map(part => Number.parseInt(part, 10))
  return major > least[0] || (major === least[0] && minor >= least[1])
}

function text(json: Json, name: string): string {
  const value = json[name]
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value)
}
