/** Sources that are left and gone on with: what they gave, flat enough to compare, and files that are drawn. */
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type Polled, type PollLimit, type Source, type SourcePosition } from '../../src/connectors/index.js'
import { rowsIn } from './connectors.js'
import { rawZstd } from './zstd.js'

/** Everything that a reader of the output and of dead letters could tell apart. */
export interface Given {
  readonly rows: readonly string[]
  readonly dead: readonly string[]
}

export function given(polled: readonly Polled[]): Given {
  const rows = polled.flatMap(({ batch, split, firstPosition, positions }) =>
    rowsIn(batch).map((row, i) => `${split}:${positions?.[i] ?? firstPosition + i} ${JSON.stringify(row)}`),
  )
  const dead = polled.flatMap(({ dead: records, split }) =>
    records.map(({ position, code, message, text }) => `${split}:${position} ${code} ${message} ${text}`),
  )
  return { rows, dead }
}

/** At most `batches` batches from a place on, by limits that take turns; the place behind them, as an epoch keeps it. */
export async function read(
  source: Source,
  from: SourcePosition | null,
  by: { readonly limits: readonly PollLimit[]; readonly batches: number },
): Promise<{ readonly polled: readonly Polled[]; readonly next: SourcePosition | null; readonly ended: boolean }> {
  const polled: Polled[] = []
  await source.open(from)
  try {
    while (polled.length < by.batches) {
      const one = await source.poll(by.limits[polled.length % by.limits.length] ?? { rowsMax: 100, bytesMax: 1 << 20 })
      if (one === null) return { polled, next: placeOf(polled, from), ended: true }
      // What it lies in may be used again as soon as the source is asked for more.
      polled.push(one)
    }
    return { polled, next: placeOf(polled, from), ended: false }
  } finally {
    await source.close()
  }
}

function placeOf(polled: readonly Polled[], from: SourcePosition | null): SourcePosition | null {
  const last = polled.at(-1)
  if (last === undefined) return from
  if (last.next === undefined) throw new Error('expected where to go on, got a batch without it')
  return JSON.parse(JSON.stringify(last.next)) as SourcePosition
}

export const limits: fc.Arbitrary<readonly PollLimit[]> = fc.array(
  fc.record({ rowsMax: fc.constantFrom(1, 2, 3, 7, 50, 1_000), bytesMax: fc.constantFrom(1, 65_536, 1 << 20) }),
  { minLength: 1, maxLength: 3 },
)

export const packings = ['plain', 'gzip', 'zstd'] as const
export type Packing = (typeof packings)[number]

/** Named so that nothing of the name tells what it is packed with. */
export function packed(bytes: Buffer, packing: Packing): Buffer {
  switch (packing) {
    case 'plain':
      return bytes
    case 'gzip':
      return gzipSync(bytes)
    case 'zstd':
      return rawZstd(bytes)
  }
}
