/**
 * What Anabranch costs before it works: time from the command to the first row of a job of one row, peak memory of the
 * process tree, and what is installed for a user, which is made anew from the lock files in a folder of its own.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Started, startCli } from '../../support/cli.js'
import { repository } from '../../support/repository.js'
import { type Bench } from '../bench.js'
import { type Figure, median, rounded, spreadOf } from '../figure.js'
import { python } from '../places.js'
import { countsOf, inFolder, startJob } from '../run-job.js'
import { watchTree } from '../tree.js'

const execute = promisify(execFile)
const timeoutMs = 300_000
const starts = 5
const sampleMs = 20
const megabyte = 1e6

const targets = { firstRow: 1.2, memory: 300, nodeModules: 900, venv: 350 } as const

const bench = (name: string, measure: Bench['measure']): Bench => ({ name, inputs: [], measure, once: null })

export const footprintBenches: readonly Bench[] = [
  bench('B9 start to first row', firstRow),
  bench('B9 peak memory of the trivial job', trivialMemory),
  bench('B9 peak memory of the flights', flightsMemory),
  bench('B9 size of node_modules', nodeModules),
  bench('B9 size of .venv', venv),
]

function figureOf(name: string, value: number, unit: 's' | 'MB', target: number): Figure {
  const plain = { baseline: null, ratio: null, spread: null, checksum: null, wrong: null, also: {} }
  return { ...plain, name, value: rounded(value), unit, target, met: value < target }
}

async function firstRow(): Promise<readonly Figure[]> {
  const seconds: number[] = []
  for (let i = 0; i < starts; i += 1) seconds.push(await trivialJob(async (_, firstRowMs) => (await firstRowMs) / 1000))
  const figure = figureOf('B9 start to first row', median(seconds), 's', targets.firstRow)
  return [{ ...figure, spread: spreadOf(seconds), also: { starts } }]
}

async function trivialMemory(): Promise<readonly Figure[]> {
  const peak = await trivialJob(peakBytes)
  return [figureOf('B9 peak memory of the trivial job', peak / megabyte, 'MB', targets.memory)]
}

/** One row from a file to a socket. `look` is told how many milliseconds after the command it was there. */
function trivialJob<T>(look: (job: Started, firstRowMs: Promise<number>) => Promise<T>): Promise<T> {
  return inFolder(async folder => {
    const server = createServer()
    server.listen(join(folder, 'out.sock'))
    await once(server, 'listening')
    const began = performance.now()
    const job = startJob({ name: 'first', input: folder, into: 'null', workers: 1 }, join(folder, 'out'))
    const arrived = once(server, 'connection')
      .then(([peer]) => once(peer, 'data'))
      .then(() => performance.now() - began)
    const counts = countsOf('first', job)
    const seen = look(job, Promise.race([arrived, counts.then(() => Number.NaN)]))
    await counts
    server.close()
    return seen
  })
}

async function flightsMemory(): Promise<readonly Figure[]> {
  return inFolder(async out => {
    const job = startCli(['run', 'examples/flights/job.ts', '--json', '--out', out], { cwd: repository, timeoutMs })
    const [peak] = await Promise.all([peakBytes(job), countsOf('flights', job)])
    return [figureOf('B9 peak memory of the flights', peak / megabyte, 'MB', targets.memory)]
  })
}

async function peakBytes(job: Started): Promise<number> {
  const tree = watchTree(job.pid, { everyMs: sampleMs, memory: true })
  await job.ended
  return tree.stop().peakPssBytes
}

/** Without what only developers need. */
function nodeModules(): Promise<readonly Figure[]> {
  return inFolder(async folder => {
    for (const name of ['package.json', 'package-lock.json', '.npmrc'])
      copyFileSync(join(repository, name), join(folder, name))
    await execute('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
    return [figureOf('B9 size of node_modules', await sizeOf(join(folder, 'node_modules')), 'MB', targets.nodeModules)]
  })
}

function venv(): Promise<readonly Figure[]> {
  return inFolder(async folder => {
    const made = join(folder, 'venv')
    await execute(python, ['-m', 'venv', made])
    const options = [
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--require-hashes',
      '--only-binary',
      ':all:',
    ]
    const list = ['-r', join(repository, 'requirements.txt')]
    await execute(join(made, 'bin', 'python'), ['-m', 'pip', 'install', ...options, ...list])
    return [figureOf('B9 size of .venv', await sizeOf(made), 'MB', targets.venv)]
  })
}

/** Megabytes that the files take on disk. */
async function sizeOf(folder: string): Promise<number> {
  const { stdout } = await execute('du', ['-sk', folder])
  return (Number.parseInt(stdout, 10) * 1024) / megabyte
}
