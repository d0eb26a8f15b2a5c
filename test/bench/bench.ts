/** What every benchmark is to the command: a name that its figures begin with, its inputs, and two ways to run it. */
import { type Figure } from './figure.js'

export interface Settings {
  /** How often job and baseline alternate. */
  readonly rounds: number
  /** Seconds of each rate of a latency, and at most of a run with epochs. */
  readonly seconds: number
  /** Workers that are killed in one run, or hosts. */
  readonly kills: number
  /** Of state that is larger than memory. */
  readonly keys: number
  /** Warm workers behind the one at work, where one is killed after the other. */
  readonly spares: number
}

export interface Bench {
  readonly name: string
  /** Files of `python/inputs.py`. */
  readonly inputs: readonly string[]
  measure(settings: Settings): Promise<readonly Figure[]>
  /** The measured work alone, once, by a Node with these options: what a profile looks at. Null where there is none. */
  readonly once: ((nodeOptions: string) => Promise<void>) | null
}
