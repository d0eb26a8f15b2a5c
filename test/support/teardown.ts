/**
 * Around all system tests: before, the build is brought up to date and the run's folder made; after, whatever is left of
 * ours (a process, a socket, a private folder) fails the run, named.
 *
 * The kernel needs a moment to end what was killed, and a guard cleans up only after its host, so the look is repeated
 * for a while; what is still there then stays there.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { allProcesses, boundSockets, isOrphanGuard, type Ours, ofOurs, type Process } from './leftovers.js'
import { makeRunFolder, type RunFolder, runFolderName } from './run-folder.js'
import { repository } from './repository.js'

const waitMsMax = 30_000

export default function setup(): () => Promise<void> {
  // Of two projects in one run the first one has done it.
  if (process.env[runFolderName] !== undefined) return () => Promise.resolve()
  const build = spawnSync(process.execPath, ['setup.mjs', 'build'], { cwd: repository, encoding: 'utf8' })
  // tsc writes JavaScript even where types do not fit; the type check is a step of its own.
  if (build.status !== 0) console.error(`the build failed, and system tests run what is built:\n${build.stderr}`)
  // A socket's path has 107 bytes at most, so this one is short.
  const folder = makeRunFolder(mkdtempSync(join(tmpdir(), 'abt-')))
  const processes = allProcesses()
  const before = new Set(processes.filter(each => isOrphanGuard(each, processes)).map(each => each.pid))
  const ours: Ours = { folder: folder.root, before, runner: isRunner }
  return async () => {
    const left = await settled(() => leftOf(folder, ours))
    rmSync(folder.root, { recursive: true, force: true })
    if (left.length === 0) return
    process.exitCode = 1
    throw new Error(`the system tests left something behind:\n${left.join('\n')}`)
  }
}

function leftOf(folder: RunFolder, ours: Ours): readonly string[] {
  return [
    ...ofOurs(allProcesses(), ours).map(each => `process ${each.pid}: ${each.command.slice(0, 200)}`),
    ...boundSockets(folder.root).map(path => `socket ${path}`),
    ...readdirSync(folder.root)
      .filter(name => /^t\d*$/.test(name))
      .flatMap(name => readdirSync(join(folder.root, name)).map(each => join(folder.root, name, each)))
      .filter(path => basename(path).startsWith('anabranch'))
      .map(path => `folder ${path}`),
  ]
}

async function settled(look: () => readonly string[]): Promise<readonly string[]> {
  const until = Date.now() + waitMsMax
  for (;;) {
    const left = look()
    if (left.length === 0 || Date.now() > until) return left
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** vitest's own children were started with the folder in their environment. */
function isRunner(each: Process): boolean {
  return each.pid === process.pid || /vitest|esbuild/.test(each.command)
}
