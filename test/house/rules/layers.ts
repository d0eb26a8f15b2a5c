/**
 * Imports go down: a room uses rooms of lower layers, through their index.ts, and itself; no file reaches itself again.
 */
import { posix } from 'node:path'
import { importsOf, isEngine, placeOf, type Rule, type Source } from './sources.js'

const layers: readonly (readonly string[])[] = [
  ['base'],
  ['schema', 'kernels', 'time'],
  ['batch', 'plan', 'security'],
  ['state', 'formats', 'operators', 'connectors', 'transport'],
  ['workers', 'checkpoint'],
  ['runtime', 'flink'],
  ['metrics', 'control'],
  ['cli', 'testing', 'dashboard', 'index.ts'],
]

/** Sideways, and why that is no knot: types only. */
const sideways: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  {
    from: 'connectors',
    to: 'formats',
    why: 'a file source is told the format by its contract; the code is bound in runtime/open',
  },
]

/** Rooms inside a room with a door of their own: the pure engine core must not pull in what starts processes. */
const innerDoors = ['src/workers/lease/index.ts', 'src/workers/watch/index.ts', 'src/state/stores/index.ts']

export const layersRule: Rule = sources => sources.filter(isEngine).flatMap(faultsOf)

function faultsOf(source: Source): readonly string[] {
  const room = roomOf(source.path)
  const layer = layerOf(room)
  if (layer === -1) return [`${source.path}: room "${room}" has no layer; give it one in test/house/rules/layers.ts`]
  return importsOf(source).flatMap(({ node, specifier, typeOnly }) => {
    if (!specifier.startsWith('.')) return []
    const target = targetOf(source.path, specifier)
    const other = roomOf(target)
    if (other === room) return []
    const place = placeOf(source, node)
    const otherLayer = layerOf(other)
    if (otherLayer === -1) return [`${place}: imports "${specifier}", which lies in no room`]
    const excused = typeOnly && sideways.some(each => each.from === room && each.to === other)
    if (otherLayer >= layer && !excused) {
      return [`${place}: ${room} (L${layer}) must not import ${other} (L${otherLayer}): imports go down`]
    }
    return target === `src/${other}/index.ts` || innerDoors.includes(target)
      ? []
      : [`${place}: imports "${specifier}"; the only door is ${other}/index.js`]
  })
}

/** `src/plan/nodes.ts` is in `plan`; `src/index.ts` is a room of its own. */
function roomOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function layerOf(room: string): number {
  return layers.findIndex(each => each.includes(room))
}

export function targetOf(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.js$/, '.ts')
}

/** A cycle is named by the path that closes it, once. */
export const cyclesRule: Rule = sources => {
  const engine = sources.filter(isEngine)
  const paths = new Set(engine.map(each => each.path))
  const edges = new Map(engine.map(each => [each.path, reached(each).filter(path => paths.has(path))]))
  const done = new Set<string>()
  const faults: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      faults.push(`${[...trail.slice(start), path].join(' -> ')}: a cycle; move what both need into a third file`)
      return
    }
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return faults
}

/** Type-only imports leave no trace in what runs: a twin may name the interface that it stands in for. */
function reached(source: Source): readonly string[] {
  return importsOf(source)
    .filter(each => !each.typeOnly && each.specifier.startsWith('.'))
    .map(each => targetOf(source.path, each.specifier))
}
