/** Runs whose state, or a part of it, somebody took away: what they put out stays until it was said that it may go. */
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { counting, expected, folderOf, hasRead, lines, runUntil, sorted, stop } from '../support/clicks-job.js'

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

test('S6 a run whose swapped code is gone is refused, and its store is as it was', async () => {
  const folder = await folderOf(lines(0, 700))
  const [store, code] = ['out/state/store', 'out/state/code'].map(at => join(folder.path, at))
  if (store === undefined || code === undefined) return expect.fail('both are named')
  writeFileSync(join(folder.path, 'new.py'), `# The same, and other bytes.\n${counting}`)
  await runUntil(folder, 700, async () => {
    let isJudged = false
    const swap = folder.cli('transform', 'swap', 'out', '--module', 'new.py').finally(() => (isJudged = true))
    // Rows come until the new code has had some of them.
    let rows = 700
    for (; !isJudged && rows < 1_400; rows += 10) {
      appendFileSync(join(folder.path, 'in/1.jsonl'), lines(rows, rows + 10))
      await hasRead(folder, rows + 10)
    }
    expect((await swap).code).toBe(0)
    appendFileSync(join(folder.path, 'in/1.jsonl'), lines(rows, 1_400))
    await stop(folder, 'swapped')
  })
  for (const name of readdirSync(code)) rmSync(join(code, name))
  const before = readdirSync(store).sort()

  const refused = await folder.run()
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('ANB6038')
  expect(readdirSync(store).sort()).toEqual(before)

  await runUntil(folder, 1_400, () => stop(folder, 'again'), '--from', 'out/savepoints/swapped')
  expect(sorted(folder.rows('counts'))).toEqual(expected(1_400))
})
