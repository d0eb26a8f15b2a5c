/**
 * Where the time of a work goes: its host runs under the CPU profiler of Node; samples are added up by room of `src`, by
 * package and by function. Time in which a function waits for nothing stands under `idle`.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench } from './bench.js'
import { inFolder } from './run-job.js'

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

const functionsShown = 20

export async function profile({ name, once }: Bench): Promise<void> {
  if (once === null) return
  await inFolder(async folder => {
    await once(`--cpu-prof --cpu-prof-dir=${folder}`)
    // Every thread of Node writes one; the host's main thread has done the most.
    const profiles = readdirSync(folder).map((file): Profile => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    const [host] = profiles.toSorted((a, b) => busyUs(b) - busyUs(a))
    if (host !== undefined) process.stdout.write(`${name}\n${report(host)}\n`)
  })
}

function busyUs({ nodes, samples, timeDeltas }: Profile): number {
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id))
  return timeDeltas.reduce((us, delta, i) => (idle.has(samples[i] ?? 0) ? us : us + delta), 0)
}

function report({ nodes, samples, timeDeltas }: Profile): string {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]))
  const rooms = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const [i, id] of samples.entries()) {
    const us = timeDeltas[i] ?? 0
    const { room, what } = places.get(id) ?? { room: 'unknown', what: 'unknown' }
    rooms.set(room, (rooms.get(room) ?? 0) + us)
    functions.set(what, (functions.get(what) ?? 0) + us)
  }
  const total = timeDeltas.reduce((a, b) => a + b, 0)
  const shares = (of: Map<string, number>, most: number): readonly string[] =>
    [...of]
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(
        ([what, us]) =>
          `  ${((100 * us) / total).toFixed(1).padStart(5)} %  ${(us / 1000).toFixed(0).padStart(6)} ms  ${what}`,
      )
  return [...shares(rooms, rooms.size), '  by function', ...shares(functions, functionsShown)].join('\n')
}

function placeOf(frame: Profile['nodes'][number]['callFrame']): { room: string; what: string } {
  const { functionName, url, lineNumber } = frame
  const name = functionName === '' ? 'anonymous' : functionName
  const room = roomOf(name, url)
  const file = url.split('/').at(-1) ?? ''
  return { room, what: url === '' ? name : `${name} ${room} ${file}:${lineNumber + 1}` }
}

/** `runtime/flow`, `kernels`, the name of a package, or what Node and its engine do. */
function roomOf(name: string, url: string): string {
  const ours = /\/dist\/(?<room>(?:runtime|workers|connectors)\/\w+|\w+)/.exec(url)?.groups?.['room']
  if (ours !== undefined) return ours
  if (url.startsWith('wasm:')) return 'kernels in WebAssembly'
  const library = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  if (library !== undefined) return library
  return url.startsWith('node:') ? 'node' : name.startsWith('(') ? name : 'native'
}
