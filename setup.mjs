#!/usr/bin/env node
/**
 * The bootstrap: from a fresh clone to a running job or a running test, by one command.
 *
 *   node setup.mjs start [args]   sets up what a user needs, then runs the flights example (or any `anabranch run` args)
 *   node setup.mjs test [NAME]    sets up what a developer needs, then checks all that CI checks
 *   node setup.mjs setup|build    sets up everything | builds dist/
 *   node setup.mjs bench|chaos|mutants|simulate|reference [args]
 *
 * Four parts, each made only when it is not what its lock file or its sources say: node_modules (npm ci), .venv (pip
 * with hashes), dist (tsc), and the command `anabranch` in node_modules/.bin. It imports nothing but Node and `setup/`,
 * since it runs before anything is installed. Two of them at once are safe: whoever works holds a socket that only lives
 * as long as its process and those that it started, so a crash leaves no lock behind and who waits hears of it at once.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { environment } from './setup/environment.mjs'
import { SetupError, atLeast, digest, lock, make, readJson, run } from './setup/steps.mjs'

const root = dirname(fileURLToPath(import.meta.url))
const at = (...names) => join(root, ...names)
const cli = at('dist', 'cli', 'main.js')

const nodeMin = [20, 19]

const commands = {
  start: { dev: false, run: args => [cli, 'run', ...(args.length > 0 ? args : ['examples/flights/job.ts'])] },
  test: { dev: true, run: args => ['--import', 'tsx', at('test', 'run.ts'), ...args] },
  bench: { dev: true, run: args => ['--import', 'tsx', at('test', 'bench', 'run.ts'), ...args] },
  chaos: { dev: true, run: args => ['--import', 'tsx', at('test', 'chaos', 'run.ts'), ...args] },
  mutants: { dev: true, run: args => ['--import', 'tsx', at('test', 'mutants', 'run.ts'), ...args] },
  reference: { dev: true, run: args => ['--import', 'tsx', at('test', 'reference', 'run.ts'), ...args] },
  simulate: { dev: false, run: args => ['--import', 'tsx', at('test', 'simulation', 'replay.ts'), ...args] },
  setup: { dev: true },
  build: { dev: false },
}

async function main() {
  const [name = 'setup', ...args] = process.argv.slice(2)
  const command = commands[name]
  if (!command)
    throw new SetupError(`setup.mjs does not know "${name}"`, `use one of: ${Object.keys(commands).join(', ')}`)
  requireNode()
  await makeReady(command.dev)
  if (command.run) await handOver(command.run(args))
}

/** Makes the stale parts, in order, while nobody else does. Asked twice: before the lock, and again once it is held. */
async function makeReady(dev) {
  if (staleParts(dev).length === 0) return
  const held = await lock(root)
  try {
    const stale = staleParts(dev)
    const independent = stale.filter(part => part !== dist)
    await Promise.all(independent.map(part => make(part, { dev, held })))
    if (stale.includes(dist)) await make(dist, { dev, held })
    linkCommand()
  } finally {
    held.release()
  }
}

function staleParts(dev) {
  const parts = [nodeModules, venv, dist].filter(part => !part.fresh(dev))
  // What tsc writes follows from the packages too.
  return parts.includes(nodeModules) && !parts.includes(dist) ? [...parts, dist] : parts
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
    await run({ held, cwd: root }, [...npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      failed: 'npm could not install the locked packages',
      hint: 'read the lines above; with a network that works, run again: npm run setup',
    })
  },
}

// ---- .venv: the Python side

const lists = dev => (dev ? ['requirements.txt', 'requirements-dev.txt'] : ['requirements.txt'])

const environmentFor = dev =>
  environment({
    folder: root,
    locks: lists(dev).map(name => ({ name, path: at(name) })),
    paths: [at('python')],
    again: 'npm run setup',
  })

const venv = {
  what: environmentFor(false).what,
  fresh: dev => environmentFor(dev).fresh(),
  make: how => environmentFor(how.dev).make(how),
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
    await run({ held, cwd: root }, [...tsc, '--incremental', '--tsBuildInfoFile', at('dist', '.tsbuildinfo')], {
      failed: 'the TypeScript sources do not compile',
      hint: 'mend what is named above, then run again',
    })
    removeOrphans()
    if (existsSync(cli)) chmodSync(cli, 0o755)
    writeFileSync(distStamp, `${JSON.stringify({ digest: built })}\n`)
  },
}

function sourceDigest() {
  const paths = [at('tsconfig.json'), at('package-lock.json'), ...filesBelow(at('src'))]
  return digest(paths.map(path => ({ name: relative(root, path), path })))
}

/** What was built from a source that is gone must not be found by an import. Pages of the reference are no modules. */
function removeOrphans() {
  const pages = at('dist', 'reference')
  for (const file of filesBelow(at('dist')).filter(file => !file.startsWith(pages))) {
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

// ---- small parts

function requireNode() {
  const version = process.versions.node.split('.').map(Number)
  if (atLeast(version, nodeMin)) return
  throw new SetupError(
    `Node.js ${nodeMin.join('.')} or newer is needed, but this is ${process.versions.node}`,
    'install a newer one, for example: nvm install 22, or on Debian and Ubuntu: sudo apt-get install -y nodejs npm',
  )
}

function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
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

await main().catch(error => {
  if (!(error instanceof SetupError)) throw error
  console.error(`setup: ${error.message}\n  hint: ${error.hint}`)
  // Whatever else is still being made goes on without us; the lock is theirs.
  process.exit(2)
})
