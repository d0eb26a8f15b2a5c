/**
 * `npm test -- NAME`: runs only what begins with NAME, be it a test or a group of tests around it.
 *
 * Vitest's own pattern looks at the joined names of groups and test, where "begins with" cannot be said: a sentence that
 * has the word in its middle would run too.
 */
import { type RunnerTask, type RunnerTestFile, TestRunner } from 'vitest'
import { beginsWith } from './names.js'

export default class NameRunner extends TestRunner {
  readonly #name = process.env['ANABRANCH_TEST_NAME'] ?? ''

  onCollected(files: RunnerTestFile[]): void {
    for (const file of files) this.#keep(file, false)
  }

  /** Answers whether anything in it runs. */
  #keep(task: RunnerTask, wanted: boolean): boolean {
    const isFile = task.type === 'suite' && 'filepath' in task
    const runs = wanted || (!isFile && beginsWith(task.name, this.#name))
    const kept = task.type === 'suite' ? task.tasks.map(child => this.#keep(child, runs)).some(Boolean) : runs
    if (!kept) task.mode = 'skip'
    return kept
  }
}
