/**
 * What every setup is made of: one at a time, steps that are run to their end, files that are compared by their digest.
 *
 * Like all of this folder it imports nothing but Node: it runs before anything is installed, in a clone (setup.mjs) and
 * in a project that installed the package (`anabranch setup`).
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Something is missing or a step did not work; the hint says what to do. */
export class SetupError extends Error {
  constructor(message, hint) {
    super(message)
    this.hint = hint
  }
}

/** Makes one part and says how long it took. `part` has `what` and `make(how)`. */
export async function make(part, how) {
  const started = Date.now()
  console.error(`setup: ${part.what} ...`)
  await part.make(how)
  console.error(`setup: ${part.what} done in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

/**
 * Answers once nobody else sets up this folder; `release` lets the next one in.
 *
 * On Linux the name is in the abstract namespace: the kernel drops it with the process, however that ends. Elsewhere it
 * is a file, which is removed where nobody listens on it any more.
 */
export async function lock(folder) {
  const name = `anabranch-setup-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}`
  const address = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`)
  for (let told = false; ; told = true) {
    const server = await listen(address)
    if (server) return server
    if (!told) console.error(`setup: another one is setting up ${folder}; waiting for it`)
    const answered = await waitForEnd(address)
    if (!answered && process.platform !== 'linux') rmSync(address, { force: true })
  }
}

function listen(address) {
  return new Promise((resolve, reject) => {
    const waiting = new Set()
    const server = createServer(socket => {
      waiting.add(socket)
      socket.on('error', () => undefined).on('close', () => waiting.delete(socket))
    })
    const release = () => {
      server.close()
      for (const socket of waiting) socket.destroy()
    }
    server.on('error', error => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(address, () => resolve({ server, release }))
  })
}

/** Waits until the holder's end of the connection closes; false where nobody answered. */
function waitForEnd(address) {
  return new Promise(resolve => {
    let answered = false
    const socket = connect(address)
    socket.on('connect', () => {
      answered = true
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answered))
    socket.resume()
  })
}

/**
 * Runs a step to its end; where it fails, shows all that it printed and stops.
 *
 * The step inherits the lock: where this process is killed, npm or pip may still be writing, and the next one waits.
 */
export function run({ held, cwd }, argv, { failed, hint }) {
  return new Promise((resolve, reject) => {
    const inherited = held.server._handle?.fd ?? 'ignore'
    const child = spawn(argv[0], argv.slice(1), { cwd, stdio: ['ignore', 'pipe', 'pipe', inherited] })
    const printed = []
    child.stdout.on('data', bytes => printed.push(bytes))
    child.stderr.on('data', bytes => printed.push(bytes))
    child.on('error', error =>
      reject(new SetupError(`${failed}: "${argv[0]}" could not be started (${error.message})`, hint)),
    )
    child.on('close', code => {
      if (code === 0) return resolve()
      process.stderr.write(Buffer.concat(printed))
      reject(new SetupError(failed, hint))
    })
  })
}

export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** SHA-256 of files under the names that they are given, hex. */
export function digest(files) {
  const hash = createHash('sha256')
  for (const { name, path } of files) hash.update(`${name}\0`).update(readFileSync(path)).update('\0')
  return hash.digest('hex')
}

/** `[3, 11, 2]` is at least `[3, 11]`. */
export function atLeast(version, least) {
  const differs = least.findIndex((part, i) => version[i] !== part)
  return differs === -1 || version[differs] > least[differs]
}
