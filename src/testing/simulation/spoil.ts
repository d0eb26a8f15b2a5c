/** Memory that is spoiled when it is given back, so that who reads it after that reads rubbish and a law breaks. */
import { type Batch, type Column, Loan, type Memory } from '../../batch/index.js'

const rubbish = 0xa5

export const spoilingMemory: Memory = {
  take: length => {
    const bytes = new Uint8Array(new ArrayBuffer(length))
    return { bytes, loan: new Loan(() => bytes.fill(rubbish)) }
  },
}

/** A loan of a batch that owns its buffers. */
export const spoilingLoan = (batch: Batch): Loan => new Loan(() => batch.columns.forEach(spoil))

function spoil({ values, validity, children }: Column): void {
  values.fill(rubbish)
  validity?.fill(rubbish)
  children.forEach(spoil)
}
