/**
 * Ordering: in which order each union gives its rows, from the topology alone, so that every run of a job agrees.
 *
 * A union gives the rows of its inputs in order of declaration where that can be: where no source feeds two of them, and
 * no other union wants the same sources the other way round. Else a branch would have to wait for the end of another
 * while both are fed by one source, with all its rows in memory. Such a union gives rows by their place in the order of
 * rows (see `row-order`): sources one after the other, the rows of one source as it gave them.
 */
import { type Topology, type Vertex, type VertexInput } from '../../plan/index.js'

export type UnionOrder =
  /** An input is unbounded: rows as they come. */
  | 'arrival'
  /** One input after the other. */
  | 'declared'
  /** By place, all inputs together. */
  | 'place'

export interface Ordering {
  /** Ranks of the sources, by their index. */
  readonly ranks: readonly number[]
  /** For each stage, by its number, the highest rank that it reads. */
  readonly lastRanks: readonly number[]
  readonly unions: ReadonlyMap<Vertex, UnionOrder>
  /** Vertices that feed a union by place: what they give must be in order. */
  readonly inOrder: ReadonlySet<Vertex>
}

export function orderingOf(topology: Topology, bounded: ReadonlySet<number>): Ordering {
  const reads = sourcesOf(topology)
  const unions = topology.vertices.filter(v => v.kind === 'union')
  const inputsOf = (union: Vertex): readonly ReadonlySet<number>[] =>
    union.inputs.map(input => reads[input.vertex] ?? new Set())
  const hasEnd = (union: Vertex): boolean => inputsOf(union).every(set => [...set].every(s => bounded.has(s)))
  const ranks = rank(topology.vertices.filter(v => v.kind === 'source').length, unions.filter(hasEnd).map(inputsOf))
  const ranksOf = (set: ReadonlySet<number>): readonly number[] => [...set].map(s => ranks[s] ?? 0)
  const follow = (sets: readonly ReadonlySet<number>[]): boolean =>
    sets.every((set, i) => i === 0 || Math.max(...sets.slice(0, i).flatMap(ranksOf)) < Math.min(...ranksOf(set)))
  const orders = new Map(
    unions.map(u => [u, !hasEnd(u) ? 'arrival' : follow(inputsOf(u)) ? 'declared' : 'place'] as const),
  )
  return {
    ranks,
    lastRanks: topology.vertices.flatMap((v, i) =>
      v.kind === 'stage' ? [Math.max(...ranksOf(reads[i] ?? new Set()))] : [],
    ),
    unions: orders,
    inOrder: above(
      topology,
      unions.filter(u => orders.get(u) === 'place'),
    ),
  }
}

/** For each vertex the sources that feed it, by their index among the sources. */
function sourcesOf(topology: Topology): readonly ReadonlySet<number>[] {
  const reads: ReadonlySet<number>[] = []
  let sources = 0
  for (const vertex of topology.vertices)
    reads.push(
      vertex.kind === 'source'
        ? new Set([sources++])
        : new Set(vertex.inputs.flatMap((input: VertexInput) => [...(reads[input.vertex] ?? [])])),
    )
  return reads
}

/** Ranks in which each union finds its inputs in order of declaration, as far as the unions agree. */
function rank(sources: number, unions: readonly (readonly ReadonlySet<number>[])[]): readonly number[] {
  const before = Array.from({ length: sources }, () => new Set<number>())
  for (const inputs of unions)
    inputs.forEach((later, j) => {
      for (const earlier of inputs.slice(0, j))
        for (const t of later) {
          if (earlier.has(t)) continue
          for (const s of earlier) if (!later.has(s)) before[t]?.add(s)
        }
    })
  const ranks = new Map<number, number>()
  while (ranks.size < sources) {
    const left = before.flatMap((_, source) => (ranks.has(source) ? [] : [source]))
    // Where they disagree, the source that was declared first goes first.
    const next = left.find(t => [...(before[t] ?? [])].every(s => ranks.has(s))) ?? left[0] ?? 0
    ranks.set(next, ranks.size)
  }
  return before.map((_, source) => ranks.get(source) ?? 0)
}

function above(topology: Topology, vertices: readonly Vertex[]): ReadonlySet<Vertex> {
  const found = new Set<Vertex>()
  const visit = (vertex: Vertex): void => {
    for (const input of vertex.inputs) {
      const from = topology.vertices[input.vertex]
      if (from === undefined || found.has(from)) continue
      found.add(from)
      visit(from)
    }
  }
  vertices.forEach(visit)
  return found
}
