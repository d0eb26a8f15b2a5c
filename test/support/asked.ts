/** A running job, asked for its status again and again: each answer is an event of its own, there is nothing else to wait for. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Started } from './cli.js'
import { until } from './fault-job.js'
import { type JobFolder } from './job-folder.js'

/** As `anabranch status --json` prints it. */
export type Status = Readonly<Record<string, unknown>>

/** Not yet, or not any more. */
const exitNothingRuns = 75

/** The first status of which this is true; null where `run` ended before. */
export async function statusWhere(
  folder: JobFolder,
  isTrue: (status: Status) => boolean,
  run?: Started,
): Promise<Status | null> {
  let over = false
  void run?.ended.then(() => {
    over = true
  })
  await until(() => over || existsSync(join(folder.path, 'out')))
  while (!over) {
    const { code, json, stderr } = await folder.cli('status', 'out', '--json')
    if (code === 0 && json !== undefined && isTrue(json)) return json
    if (code !== 0 && code !== exitNothingRuns) throw new Error(stderr)
  }
  return null
}

/** Its run has read and written so many rows; false where it ended before. */
export const hasWritten = async (folder: JobFolder, rows: number, run?: Started): Promise<boolean> =>
  (await statusWhere(folder, status => status['rows_out'] === rows, run)) !== null
