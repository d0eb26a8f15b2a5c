/**
 * What the doctor looks at. Each check answers a finding, also where it fails; the last one starts a real worker, which
 * needs all that a run needs of this machine: Python, its packages, a socket, the shared mapping, the same version.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { AnabranchError, catalogue } from '../base/index.js'
import { type RealWorld, greetWorker, openWorld, pythonCandidates, pythonFor } from '../runtime/index.js'
import { createMapping } from '../transport/index.js'
import { findPython, workerPackages } from '../workers/index.js'
import { packageFacts, packageRoot } from './package-root.js'

export interface Finding {
  readonly name: string
  /** `better` runs, and could run better or in more cases. */
  readonly verdict: 'fine' | 'better' | 'broken'
  readonly found: string
  /** Empty where there is nothing to do. */
  readonly hint: string
}

type Verdict = Omit<Finding, 'name'>
const fine = (found: string): Verdict => ({ verdict: 'fine', found, hint: '' })
const better = (found: string, hint: string): Verdict => ({ verdict: 'better', found, hint })
const broken = (found: string, hint: string): Verdict => ({ verdict: 'broken', found, hint })

const bytesWanted = 2 ** 30
const bytesNeeded = 100 * 2 ** 20
const filesWanted = 1_024
const filesNeeded = 256
const mappingBytes = 2 ** 20

export async function examine(): Promise<readonly Finding[]> {
  const findings: Finding[] = [
    { name: 'system', ...system() },
    { name: 'node', ...node() },
    { name: 'disk', ...disk(process.cwd()) },
    { name: 'open files', ...openFiles() },
    { name: 'mapping', ...mapping() },
  ]
  let world: RealWorld
  try {
    world = openWorld()
  } catch (error) {
    return [...findings, { name: 'run folder', ...failed(error) }]
  }
  try {
    findings.push({ name: 'run folder', ...fine(`can be made in ${dirname(world.runFolder)}`) })
    findings.push({ name: 'python', ...(await python(world)) })
    findings.push({ name: 'worker', ...(await worker(world)) })
  } finally {
    await world.close()
  }
  return findings
}

function system(): Verdict {
  const found = `${process.platform} ${process.arch}, ${availableParallelism()} cores, ${gib(totalmem())}`
  return process.platform === 'linux'
    ? fine(found)
    : better(found, 'Linux is where everything is tested; elsewhere rows travel through sockets only')
}

function node(): Verdict {
  const { node: wanted } = packageFacts().engines
  const [major = 0, minor = 0] = (wanted ?? '').replace(/^>=/, '').split('.').map(Number)
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number)
  const old = ownMajor < major || (ownMajor === major && ownMinor < minor)
  return old ? broken(process.versions.node, `install Node ${major}.${minor} or newer`) : fine(process.versions.node)
}

function disk(folder: string): Verdict {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const found = `${gib(free)} free in ${folder}`
  const hint = 'make room, or write elsewhere: --out DIR'
  return free < bytesNeeded ? broken(found, hint) : free < bytesWanted ? better(found, hint) : fine(found)
}

function openFiles(): Verdict {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  const count = limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
  const hint = `raise it: ulimit -n ${4 * filesWanted}`
  return count < filesNeeded ? broken(limit, hint) : count < filesWanted ? better(limit, hint) : fine(limit)
}

function mapping(): Verdict {
  const made = createMapping(mappingBytes)
  if (made === null) return better('no shared memory: rows travel through sockets', 'nothing breaks; it is slower')
  made.close()
  return fine('memory that host and workers share can be made and sealed')
}

async function python(world: RealWorld): Promise<Verdict> {
  const cwd = process.cwd()
  try {
    const candidates = pythonCandidates(cwd, cwd, process.env)
    const { path, version, packages } = await findPython({
      world,
      candidates,
      packages: workerPackages,
      env: process.env,
      cwd,
    })
    const found = `${path} ${version}, ${Object.entries(packages)
      .map(([name, own]) => `${name} ${own}`)
      .join(', ')}`
    const other = Object.entries(packages).filter(([name, own]) => own !== pins().get(name))
    if (other.length === 0) return fine(found)
    const tested = other.map(([name]) => `${name} ${pins().get(name) ?? '?'}`).join(', ')
    return better(found, `this version was tested with ${tested}: npx anabranch setup`)
  } catch (error) {
    return failed(error)
  }
}

/** The versions of requirements.txt. */
function pins(): ReadonlyMap<string, string> {
  const text = readFileSync(join(packageRoot, 'requirements.txt'), 'utf8')
  return new Map([...text.matchAll(/^([\w.-]+)==([^\s\\;]+)/gm)].map(([, name = '', version = '']) => [name, version]))
}

async function worker(world: RealWorld): Promise<Verdict> {
  try {
    const python = await pythonFor(process.cwd(), world)
    const { versions, ms } = await greetWorker(world, { python, cwd: process.cwd() })
    return fine(`said hello after ${ms} ms, anabranch ${versions.package}`)
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): Verdict {
  if (!(error instanceof AnabranchError)) throw error
  const detail = error.detail === '' ? '' : `; ${error.detail.split('\n').join('; ')}`
  return broken(`${error.code} ${error.message}${detail}`, error.hint === '' ? catalogue[error.code].hint : error.hint)
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
