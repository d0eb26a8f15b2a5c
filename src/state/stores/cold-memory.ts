/** The parts of a budget for state: keys and rows, what the databases hold of what was written last, and what is on its way. */

/** Of each of the two databases. Less and LevelDB writes tables that are too small, more makes a recovery longer. */
const buffer = { least: 256 << 10, most: 16 << 20, share: 1 / 16 } as const
/** Rows and entries on their way between memory and the store. */
const onTheWay = { most: 32 << 20, share: 1 / 4 } as const

export const bufferBytesOf = (budgetBytes: number): number =>
  Math.round(Math.min(buffer.most, Math.max(buffer.least, buffer.share * budgetBytes)))

/** What is left for keys and rows in memory. A database fills a buffer while it writes another. */
export const besideStore = (budgetBytes: number): number => {
  const moving = Math.min(onTheWay.most, onTheWay.share * budgetBytes)
  return Math.max(1, Math.round(budgetBytes - moving - 2 * 2 * bufferBytesOf(budgetBytes)))
}
