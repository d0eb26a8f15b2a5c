/** What a file sink says of an epoch: how far each growing part got, and which parts were sealed and are not in the folder yet. */
import { shape } from '../../base/index.js'

/** Of the bytes in staging; null of parts that were prepared before there was one. */
const crc32 = (value: unknown, path: string): number | null => shape.nullOr(shape.whole)(value ?? null, path)

/** `epoch`: the last one of which it has a row. */
const part = { name: shape.string, rows: shape.whole, bytes: shape.whole, epoch: shape.whole, crc32 } as const
export const preparedShape = shape.object({
  /** Of the run that prepared it. */
  lineage: shape.string,
  /** Number of the next part. */
  parts: shape.whole,
  growing: shape.list(shape.object({ ...part, folder: shape.string, ageMs: shape.whole })),
  /** In the order in which they are shown. */
  sealed: shape.list(shape.object(part)),
})
