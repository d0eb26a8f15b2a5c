/**
 * `npm run mutants`: takes away one rule at a time in a copy of the tree and runs the test that must notice. Exit code 1
 * where one is not killed. `npm run mutants -- TEXT` takes those whose rule has the text.
 */
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type Verdict, copyTree, judge, passes } from './judge.js'
import { type Mutant } from './mutant.js'
import { mutants } from './table.js'

async function take(waiting: Mutant[], verdicts: Verdict[]): Promise<void> {
  const copy = copyTree()
  try {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = (await passes(copy, mutant.test)) ? await judge(copy, mutant) : 'NO TEST'
      verdicts.push(verdict)
      console.log(`${verdict.padEnd(12)} ${mutant.rule.padEnd(50)} ${mutant.test.join(': ')}`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2).join(' ')
  const mine = mutants.filter(({ rule }) => rule.includes(asked))
  const waiting = [...mine]
  const verdicts: Verdict[] = []
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, () => take(waiting, verdicts)))
  const killed = verdicts.filter(verdict => verdict === 'killed').length
  console.log(`\n${killed} of ${mine.length} mutants were killed`)
  process.exitCode = killed === mine.length && killed > 0 ? 0 : 1
}

await main()
