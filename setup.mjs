#!/usr/bin/env node
/**
 * The bootstrap: from a fresh clone to a running job or a running test, by one command.
 *
 *   node setup.mjs start [args]   sets up what a user needs, then runs the flights example (or any `anabranch run` args)
 *   node setup.mjs test [NAME]    sets up what a developer needs, then checks all that CI checks
 *   node setup.mjs setup|build    sets up everything | builds dist/
 *   node setup.mjs bench|chaos|mutants|simulate [args]
 *
 * Four parts, each made only when it is not what its lock file or its sources say: node_modules (npm ci), .venv (pip
 * with hashes), dist (tsc), and the command `anabranch` in node_modules/.bin. This file imports nothing but Node, since
 * it runs before anything is installed. Two of them at once are safe: whoever works holds a socket that only lives as
 * long as its process and those that it started, so a crash leaves no lock behind and who waits hears of it at once.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const at = (...names) => join(root, ...names)
const python = at('.venv', 'bin', 'python')
const cli = at('dist', 'cli', 'main.js')

const nodeMin = [20, 19]
/** The lock files hold wheels for these; an older Python has no NumPy of the locked version. */
const pythonMin = [3, 11]

const commands = {
  start: { dev: false, run: args => [cli, 'run', ...(args.length > 0 ? args : ['examples/flights/job.ts'])] },
  test: { dev: true, run: args => ['--import', 'tsx', at('test', 'run.ts'), ...args] },
  bench: { dev: true, run: args => ['--import', 'tsx', at('test', 'bench', 'run.ts'), ...args] },
  chaos: { dev: true, run: args => ['--import', 'tsx', at('test', 'chaos', 'run.ts'), ...args] },
  mutants: { dev: true, run: args => ['--import', 'tsx', at('test', 'mutants', 'run.ts'), ...args] },
  simulate: { dev: false, run: args => ['--import', 'tsx', at('test', 'simulation', 'replay.ts'), ...args] },
  setup: { dev: true },
  build: { dev: false },
}

async function main() {
  const [name = 'setup', ...args] = process.argv.slice(2)
  const command = commands[name]
  if (!command) stop(`setup.mjs does not know "${name}"`, `use one of: ${Object.keys(commands).join(', ')}`)
  requireNode()
  await makeReady(command.dev)
  if (command.run) await handOver(command.run(args))
}

/** Makes the stale parts, in order, while nobody else does. Asked twice: before the lock, and again once it is held. */
async function makeReady(dev) {
  if (staleParts(dev).length === 0) return
  const held = await lock()
  const stale = staleParts(dev)
  const independent = stale.filter(part => part !== dist)
  await Promise.all(independent.map(part => make(part, { dev, held })))
  if (stale.includes(dist)) await make(dist, { dev, held })
  linkCommand()
  held.release()
}

function staleParts(dev) {
  const parts = [nodeModules, venv, dist].filter(part => !part.fresh(dev))
  // What tsc writes follows from the packages too.
  return parts.includes(nodeModules) && !parts.includes(dist) ? [...parts, dist] : parts
}

async function make(part, how) {
  const started = Date.now()
  console.error(`setup: ${part.what} ...`)
  await part.make(how)
  console.error(`setup: ${part.what} done in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

// ---- node_modules: npm ci, without install scripts

const nodeModules = {
  what: 'node_modules by npm ci',
  /** npm writes its hidden lock file last, so it also tells whether an install was cut short. */
  fresh() {
    const wanted = readJson(at('package-lock.json'))?.packages
    const found = readJson(at('node_modules', '.package-lock.json'))?.packages
    if (!wanted || !found) return false
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true
      const installed = found[path]
      return installed
        ? installed.version === entry.version && installed.integrity === entry.integrity
        : entry.optional === true
    })
  },
  async make({ held }) {
    // zeromq, koffi and esbuild carry their binaries in the package; nothing has to be run or compiled.
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
    await run(held, [...npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      failed: 'npm could not install the locked packages',
      hint: 'read the lines above; with a network that works, run again: npm run setup',
    })
  },
}

// ---- .venv: the Python side

const venvStamp = at('.venv', 'anabranch.json')
const lockFiles = dev => (dev ? ['requirements.txt', 'requirements-dev.txt'] : ['requirements.txt'])
const lockDigests = dev => Object.fromEntries(lockFiles(dev).map(name => [name, digest([at(name)])]))

const venv = {
  what: '.venv with the locked Python packages',
  fresh(dev) {
    const stamp = readJson(venvStamp)
    if (!stamp || stamp.root !== root || !existsSync(python)) return false
    return Object.entries(lockDigests(dev)).every(([name, hash]) => stamp.locks[name] === hash)
  },
  async make({ dev, held }) {
    const before = readJson(venvStamp)
    const usable = existsSync(python) && (before === undefined || before.root === root) && venvPythonWorks()
    rmSync(venvStamp, { force: true })
    if (!usable) {
      // A folder that was moved or whose Python is gone cannot be mended: its scripts hold absolute paths.
      rmSync(at('.venv'), { recursive: true, force: true })
      await run(held, [findPython(), '-m', 'venv', at('.venv')], {
        failed: 'the virtual environment .venv could not be made',
        hint: 'read the lines above, then run again: npm run setup',
      })
    }
    const lists = lockFiles(dev).flatMap(name => ['-r', at(name)])
    const pip = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps']
    await run(held, [...pip, '--require-hashes', '--only-binary', ':all:', ...lists], {
      failed: 'pip could not install the locked packages',
      hint: 'read the lines above: the lock files hold wheels for CPython 3.11 to 3.14 on the platforms of pyarrow',
    })
    // The package itself is this clone: a line in a .pth file needs no network and follows every edit.
    writeFileSync(join(sitePackages(), 'anabranch.pth'), `${at('python')}\n`)
    writeFileSync(venvStamp, `${JSON.stringify({ root, locks: lockDigests(dev) })}\n`)
  },
}

function venvPythonWorks() {
  return pythonVersion(python) !== undefined
}

function sitePackages() {
  const asked = spawnSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], {
    encoding: 'utf8',
  })
  return asked.stdout.trim()
}

/** The first Python that is new enough and can make environments; otherwise stops and names what is missing. */
function findPython() {
  const wanted = pythonMin.join('.')
  const names = process.env.ANABRANCH_PYTHON
    ? [process.env.ANABRANCH_PYTHON]
    : ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
  const found = names.map(name => ({ name, version: pythonVersion(name) })).filter(each => each.version)
  const install = 'on Debian and Ubuntu: sudo apt-get install -y python3 python3-venv'
  if (found.length === 0) stop(`Python ${wanted} or newer was not found (looked for: ${names.join(', ')})`, install)
  const recent = found.filter(each => atLeast(each.version, pythonMin))
  if (recent.length === 0) {
    const [first] = found
    stop(
      `Python ${wanted} or newer is needed, but "${first.name}" is ${first.version.join('.')}`,
      `install a newer one (${install}), or name one: ANABRANCH_PYTHON=/path/to/python3 npm start`,
    )
  }
  const able = recent.find(
    each => spawnSync(each.name, ['-c', 'import venv, ensurepip'], { stdio: 'ignore' }).status === 0,
  )
  if (able) return able.name
  const [first] = recent
  const exact = `python${first.version.slice(0, 2).join('.')}-venv`
  stop(
    `"${first.name}" (${first.version.join('.')}) cannot make virtual environments: its modules venv and ensurepip are missing`,
    `on Debian and Ubuntu: sudo apt-get install -y python3-venv (or ${exact})`,
  )
}

/** `[major, minor, patch]`, or undefined where there is no such Python or it does not run. */
function pythonVersion(name) {
  const asked = spawnSync(name, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'], { encoding: 'utf8' })
  return asked.status === 0 ? asked.stdout.trim().split('.').map(Number) : undefined
}

// ---- dist: the built TypeScript

const distStamp = at('dist', '.sources.json')

const dist = {
  what: 'dist by tsc',
  fresh: () => existsSync(cli) && readJson(distStamp)?.digest === sourceDigest(),
  async make({ held }) {
    // Taken before the build: an edit while tsc runs must make the next start build again.
    const built = sourceDigest()
    rmSync(distStamp, { force: true })
    const tsc = [process.execPath, at('node_modules', 'typescript', 'bin', 'tsc'), '-p', at('tsconfig.json')]
    await run(held, [...tsc, '--incremental', '--tsBuildInfoFile', at('dist', '.tsbuildinfo')], {
      failed: 'the TypeScript sources do not compile',
      hint: 'mend what is named above, then run again',
    })
    removeOrphans()
    if (existsSync(cli)) chmodSync(cli, 0o755)
    writeFileSync(distStamp, `${JSON.stringify({ digest: built })}\n`)
  },
}

function sourceDigest() {
  return digest([at('tsconfig.json'), at('package-lock.json'), ...filesBelow(at('src'))])
}

/** What was built from a source that is gone must not be found by an import. */
function removeOrphans() {
  for (const file of filesBelow(at('dist'))) {
    const built = /^(.*?)(\.js|\.d\.ts)(\.map)?$/.exec(relative(at('dist'), file))
    if (built && !existsSync(at('src', `${built[1]}.ts`))) rmSync(file)
  }
}

/** So that `npx anabranch` finds the command in the clone itself. npm ci removes it with the rest of node_modules. */
function linkCommand() {
  const link = at('node_modules', '.bin', 'anabranch')
  const target = relative(dirname(link), cli)
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === target) return
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(target, link)
}

// ---- one at a time

/**
 * Answers once nobody else sets up this clone; `release` lets the next one in.
 *
 * On Linux the name is in the abstract namespace: the kernel drops it with the process, however that ends. Elsewhere it
 * is a file, which is removed where nobody listens on it any more.
 */
async function lock() {
  const name = `anabranch-setup-${createHash('sha256').update(root).digest('hex').slice(0, 24)}`
  const address = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`)
  for (let told = false; ; told = true) {
    const server = await listen(address)
    if (server) return server
    if (!told) console.error('setup: another one is setting up this clone; waiting for it')
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

// ---- small parts

function requireNode() {
  const version = process.versions.node.split('.').map(Number)
  if (atLeast(version, nodeMin)) return
  stop(
    `Node.js ${nodeMin.join('.')} or newer is needed, but this is ${process.versions.node}`,
    'install a newer one, for example: nvm install 22, or on Debian and Ubuntu: sudo apt-get install -y nodejs npm',
  )
}

function atLeast(version, least) {
  const differs = least.findIndex((part, i) => version[i] !== part)
  return differs === -1 || version[differs] > least[differs]
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
}

function digest(paths) {
  const hash = createHash('sha256')
  for (const path of paths)
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0')
  return hash.digest('hex')
}

/**
 * Runs a step to its end; where it fails, shows all that it printed and stops.
 *
 * The step inherits the lock: where this process is killed, npm or pip may still be writing, and the next one waits.
 */
function run(held, argv, { failed, hint }) {
  return new Promise(resolve => {
    const inherited = held.server._handle?.fd ?? 'ignore'
    const child = spawn(argv[0], argv.slice(1), { cwd: root, stdio: ['ignore', 'pipe', 'pipe', inherited] })
    const printed = []
    child.stdout.on('data', bytes => printed.push(bytes))
    child.stderr.on('data', bytes => printed.push(bytes))
    child.on('error', error => stop(`${failed}: "${argv[0]}" could not be started (${error.message})`, hint))
    child.on('close', code => {
      if (code === 0) return resolve()
      process.stderr.write(Buffer.concat(printed))
      stop(failed, hint)
    })
  })
}

/** Node takes over, with this terminal; its exit code is ours, and Ctrl-C is its to answer. */
function handOver(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to both of us; what only we get is passed on.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
  }
  return new Promise(resolve => {
    child.on('close', (code, signal) => {
      process.exitCode = signal === null ? (code ?? 1) : 1
      resolve()
    })
  })
}

function stop(message, hint) {
  console.error(`setup: ${message}\n  hint: ${hint}`)
  process.exit(2)
}

await main()
