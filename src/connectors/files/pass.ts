/** Records that an earlier run has answered and that come once more, since a decoder cannot begin behind them. */
import { type Decoded } from '../../formats/index.js'

/** Records that are passed over in one step. */
const passMax = 64 * 1024

export interface Passing {
  /** How many are left. */
  pass: number
}

/** How many records to ask for. */
export const asked = ({ pass }: Passing, rowsMax: number): number => (pass > 0 ? Math.min(pass, passMax) : rowsMax)

/** Whether these were among them; they are let go then. */
export function passedOver(passing: Passing, { batch, dead, loan }: Decoded): boolean {
  if (passing.pass === 0) return false
  passing.pass -= batch.rows + dead.length
  loan?.release()
  return true
}
