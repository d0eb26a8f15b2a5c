/**
 * Seeds as tests: a file runs one half of them, so that two cores share the work. `SEEDS` says how many there are
 * (3,000 unless set); what a seed finds wrong is said with the command that runs it again, log and all.
 */
import { describe, expect, test } from 'vitest'
import { type Simulated, faultKinds, simulate } from '../../src/testing/index.js'
import { simulatedFailpoints } from '../../src/testing/simulation/failpoints.js'

const seeds = Number(process.env['SEEDS'] ?? 3_000)
const perTest = 100
/** A rule that is broken shows in seed after seed: so many of a test are told, and the others not run. */
const enoughWrong = 3
/** So many seeds show every fault and every reaction; fewer may not. */
const enough = 3_000

/** What the engine does about faults, and what becomes of state: each must have happened, else the seeds test nothing. */
const reactions: Readonly<Record<string, string>> = {
  'lease.resent': 'a batch is sent again',
  'reply.stale': 'a reply that answers nothing is dropped',
  'lease.halved': 'a batch is halved',
  'rows.dead ANB2001': 'a row that raises is dead',
  'rows.dead ANB2002': 'a rejected row is dead',
  'rows.dead ANB2003': 'a line that does not parse is dead',
  'rows.dead ANB2006': 'a null key is dead',
  'rows.dead ANB2008': 'a row that kills or hangs its worker is dead',
  'rows.dropped null key': 'a null key is dropped',
  'call.failed TransientError': 'a lane is held',
  'frame.refused': 'a frame is refused',
  'kill protocol': 'a worker is replaced for what it sent',
  'kill deadline': 'a worker is killed at its deadline',
  'worker.recycled': 'a worker is recycled for its size',
  'worker.lost crash': 'a crash is seen as one',
  'worker.lost.chance': 'a worker is lost whose rows are good',
  'worker.lost outside': 'a kill from outside is seen as one',
  'spare takes over': 'a spare takes over at once',
  'epoch goes on': 'a host goes on behind an epoch',
  'epoch rolled forward': 'an epoch that was written and not committed is committed',
  'rows taken back': 'rows behind the last epoch are taken back',
  'store reopened': 'the store is opened again after a write error',
  'attempt failed': 'a run begins again behind its last epoch, in the same host',
  'swap.kept': 'other code is swapped in',
  'swap.thrown away': 'other code is thrown away for its first epoch',
  'swap.refused ANB1020': 'code that does not import is refused',
  'swap.refused ANB1027': 'code that does not fit is refused',
  'swap.refused ANB3003': 'code is refused whose workers do not start',
  'list brought back': 'a list comes back from beyond memory',
  'map brought back': 'a map comes back from beyond memory',
  'entry read by its name': 'an entry of a map that is partly known is read by its name',
  'read whole after all': 'a list or map that is partly known is read whole: for a last call, or before it is emptied',
  'value has expired': 'a value is not read behind its time',
  'list has expired': 'an item of a list is not read behind its time',
  'map has expired': 'an entry of a map is not read behind its time',
  'value lives by reads': 'a value that is read lives anew',
  'list lives by reads': 'an item of a list that is read lives anew',
  'map lives by reads': 'an entry of a map that is read lives anew',
  'list may have expired': 'an item that has expired may be read until it is taken away',
  'expired beyond memory': 'what has expired beyond memory is brought back to go',
  'expired beyond memory, in a host that went on': 'what a dead host left beyond memory expires there',
}

export function simulateSeeds(part: number, parts: number): void {
  const mine = Array.from({ length: Math.ceil(seeds / parts) }, (_, i) => i * parts + part + 1)
  const seen = new Map<string, number>()
  const done = new Set<number>()

  const run = async (from: number): Promise<readonly string[]> => {
    const complaints: string[] = []
    for (const seed of mine.slice(from, from + perTest)) {
      if (complaints.length >= enoughWrong) break
      done.add(seed)
      const result = await simulate({ seed })
      for (const [name, times] of result.counts) seen.set(name, (seen.get(name) ?? 0) + times)
      complaints.push(...complaint(result))
    }
    return complaints
  }

  describe(`seeds ${part + 1}, ${part + 1 + parts}, ... to ${seeds}`, () => {
    for (let from = 0; from < mine.length; from += perTest) {
      const name = `every row comes out once and in order, whatever breaks: from seed ${digits(mine[from])}`
      test(name, { timeout: 120_000 }, async () => expect(await run(from)).toEqual([]))
    }

    // A handful of seeds, as for a quick look, cannot show every fault: the test is then not there at all.
    if (seeds < enough) return
    test('each kind of fault struck and each reaction was seen', { timeout: 600_000 }, async () => {
      // Chosen alone by its name, this test runs the seeds itself.
      for (let from = 0; from < mine.length; from += perTest) if (!done.has(mine[from] ?? 0)) await run(from)
      const missing = [...faultKinds, ...Object.keys(reactions)].filter(name => !seen.has(name))
      expect(missing.map(name => reactions[name] ?? name)).toEqual([])
    })

    test('S1 a host or a worker died before and after each step that has a failpoint', {
      timeout: 600_000,
    }, async () => {
      for (let from = 0; from < mine.length; from += perTest) if (!done.has(mine[from] ?? 0)) await run(from)
      const sides = simulatedFailpoints.flatMap(name => [`failpoint ${name} before`, `failpoint ${name} after`])
      expect(sides.filter(side => !seen.has(side))).toEqual([])
    })
  })
}

/** No name of a test begins another one. */
const digits = (seed = 0): string => String(seed).padStart(4, '0')

export function complaint({ seed, wrong }: Simulated): readonly string[] {
  return wrong.length === 0 ? [] : [`${wrong.join('\n')}\n  run it again: npm run simulate -- --seed ${seed}`]
}
