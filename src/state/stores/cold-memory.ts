/** The parts of a budget for state: what the databases hold of what was written last, what nobody has, and all else. */

interface Buffer {
  readonly least: number
  readonly most: number
  readonly share: number
}

/** Of the entries. Less and LevelDB writes tables that are too small, more makes a recovery longer. */
const ofEntries: Buffer = { least: 256 << 10, most: 16 << 20, share: 1 / 16 }
/** Of the epochs: only small blocks and what an epoch says of all of them. */
const ofEpochs: Buffer = { least: 256 << 10, most: 4 << 20, share: 1 / 64 }

/** What came and went, and allocators and the garbage collector still keep: `npm run bench BUDGET` has it. */
const idleShare = 1 / 8

const within = ({ least, most, share }: Buffer, budgetBytes: number): number =>
  Math.round(Math.min(most, Math.max(least, share * budgetBytes)))

export interface BufferBytes {
  readonly entries: number
  readonly epochs: number
}

export const bufferBytesOf = (budgetBytes: number): BufferBytes => ({
  entries: within(ofEntries, budgetBytes),
  epochs: within(ofEpochs, budgetBytes),
})

/** What is left for keys and rows, in memory and on their way. A database fills a buffer while it writes another. */
export const besideStore = (budgetBytes: number): number => {
  const { entries, epochs } = bufferBytesOf(budgetBytes)
  return Math.max(1, (1 - idleShare) * budgetBytes - 2 * (entries + epochs))
}
