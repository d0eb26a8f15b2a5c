/** A tap: sees the calls of an engine and what becomes of them, and has no say in it. */
import { type Failure } from '../fault/index.js'
import { type Work } from './grant.js'
import { type Answer } from './settle.js'

export interface Tap {
  /** A call goes out, and the state of its keys is what it was granted with. */
  granted(work: Work, nowMs: number): void
  /** It was answered, and nothing of the answer is applied yet; who reads on later keeps its memory. */
  done(work: Work, answer: Answer): void
  /** It was not: the code raised, or (null) its worker was lost. The same rows are called again. */
  failed(work: Work, failure: Failure | null): void
}
