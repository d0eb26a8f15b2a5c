/**
 * Whether what came out is right; a figure whose output is wrong does not count.
 *
 * A sum is taken in the timed runs themselves. Rows are looked at in one more run of the same job beside the timed ones,
 * which writes them into files: looking at them costs more than the work.
 */
import { join } from 'node:path'
import { type Verdict, askPython } from './ask-python.js'
import { inputsFolder } from './places.js'
import { type Asked, inFolder, runJob } from './run-job.js'

export type Check =
  /** Sum of the column z. */
  | { readonly by: 'sum'; readonly of: number }
  /** Each line against the bare function's; `of` is the sum of crc32(row number, tab, output), null where it has none. */
  | { readonly by: 'texts'; readonly of: number | null }
  /** Each row against the bare function's, to the bit or within 1e-9. */
  | { readonly by: 'events'; readonly how: 'exact' | 'close'; readonly of: number | null }
  /** Rows and sum of z of the JSON lines that the job wrote. */
  | { readonly by: 'file'; readonly of: number }

export interface Checked {
  readonly wrong: string | null
  readonly checksum: number
}

/** Of a sum, what the timed run said stands for itself. */
export async function checkRows(check: Check, asked: Asked, rows: number): Promise<Checked> {
  return inFolder(async out => {
    await runJob({ ...asked, into: 'files' }, out)
    const verdict = await verdictOf(check, asked, out)
    return { wrong: wrongWith(check, verdict, rows), checksum: verdict.check }
  })
}

function verdictOf(check: Check, { input }: Asked, out: string): Promise<Verdict> {
  const file = join(inputsFolder, input)
  if (check.by === 'texts') return askPython('verify.py', 'texts', `${file}.jsonl`, out)
  if (check.by === 'events') return askPython('verify.py', 'events', `${file}.parquet`, out, check.how)
  return askPython('verify.py', 'sum', out)
}

function wrongWith(check: Check, verdict: Verdict, rows: number): string | null {
  if (verdict.wrong !== null) return verdict.wrong
  if (verdict.rows !== rows) return `expected ${rows} rows, got ${verdict.rows}`
  if (check.of === null) return null
  const same = check.by === 'texts' ? verdict.check === check.of : close(verdict.check, check.of)
  return same ? null : `expected the check value ${check.of}, got ${verdict.check}`
}

export function wrongSum(expected: number, sums: readonly number[]): string | null {
  const other = sums.find(sum => !close(sum, expected))
  return other === undefined ? null : `expected the sum ${expected}, got ${other}`
}

/** Sums are added up in another order than the check value's. */
const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))
