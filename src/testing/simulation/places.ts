/**
 * The place of a row as the oracle sees it: where it stands among all rows when branches of a job flow together again.
 * Written from the words of ARCHITECTURE.md, not from the engine's `ordering`.
 */
import { type Topology } from '../../plan/index.js'

/** Rank of the source; split, or the stage whose `at_end` made it; position. */
export type Place = readonly [number, number, number]

/** Stages stand behind all splits. */
const stages = 1_000_000

export class Places {
  /** Sources above each vertex, as indexes of vertices. */
  private readonly above: ReadonlySet<number>[] = []
  private readonly line: readonly number[]

  constructor(topology: Topology) {
    for (const [i, { kind, inputs }] of topology.vertices.entries())
      this.above.push(
        kind === 'source' ? new Set([i]) : new Set(inputs.flatMap(n => [...(this.above[n.vertex] ?? [])])),
      )
    this.line = this.lineUp(topology)
  }

  ofRow(source: number, split: number, position: number): Place {
    return [this.line.indexOf(source), split, position]
  }

  ofEnd(vertex: number): Place {
    const ranks = [...(this.above[vertex] ?? [])].map(source => this.line.indexOf(source))
    return [Math.max(...ranks), stages + vertex, 0]
  }

  /** Sources such that each union has its inputs in order of declaration; where none is free, the first one left. */
  private lineUp(topology: Topology): readonly number[] {
    const wishes = topology.vertices.flatMap(({ kind, inputs }) => (kind === 'union' ? this.wishesOf(inputs) : []))
    const left = topology.vertices.flatMap(({ kind }, i) => (kind === 'source' ? [i] : []))
    const line: number[] = []
    while (left.length > 0) {
      const free = left.findIndex(s => !wishes.some(([first, then]) => then === s && left.includes(first)))
      line.push(...left.splice(Math.max(free, 0), 1))
    }
    return line
  }

  private wishesOf(inputs: readonly { readonly vertex: number }[]): readonly (readonly [number, number])[] {
    const sets = inputs.map(input => [...(this.above[input.vertex] ?? [])])
    return sets.flatMap((firsts, i) =>
      sets
        .slice(i + 1)
        .flatMap(thens =>
          firsts
            .filter(s => !thens.includes(s))
            .flatMap(s => thens.filter(t => !firsts.includes(t)).map(t => [s, t] as const)),
        ),
    )
  }
}

export const byPlace = (a: { readonly place: Place }, b: { readonly place: Place }): number =>
  a.place[0] - b.place[0] || a.place[1] - b.place[1] || a.place[2] - b.place[2]
