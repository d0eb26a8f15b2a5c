/** Runs whose state, or a part of it, somebody took away: what they put out stays until it was said that it may go. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { expected, folderOf, lines, runUntil, sorted, stop } from '../support/clicks-job.js'

test('S6 an unfinished run whose store is gone is not begun anew over its rows, unless it was asked for', async () => {
  const folder = await folderOf(lines(0, 700))
  await runUntil(folder, 700, () => stop(folder, 'half'))
  rmSync(join(folder.path, 'out/state/store'), { recursive: true })

  const refused = await folder.run()
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain(
    `ANB6102 sink "counts" has rows of a run whose state is gone: there is no ${join(folder.path, 'out/state/store')}`,
  )
  expect(sorted(folder.rows('counts'))).toEqual(expected(700))

  await runUntil(folder, 700, () => stop(folder, 'anew'), '--fresh')
  expect(sorted(folder.rows('counts'))).toEqual(expected(700))
})
