/** The self-test of a long programme: bugs that somebody might write into epochs are tried, and each must be found. */
import { rmSync } from 'node:fs'
import { epochRules } from '../mutants/epochs.js'
import { copyTree, judge } from '../mutants/judge.js'

/** Answers a sentence for each that was not. */
export async function bugsNotFound(say: (line: string) => void): Promise<readonly string[]> {
  const copy = copyTree()
  const missed: string[] = []
  try {
    for (const bug of epochRules) {
      const verdict = await judge(copy, bug)
      say(`${verdict.padEnd(12)} ${bug.rule}`)
      if (verdict !== 'killed') missed.push(`the bug "${bug.rule}" was not found by ${bug.test.join(': ')}: ${verdict}`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
  return missed
}
