/**
 * Files of lines, one after the other in the order of their names. A block of the file is read straight into the
 * decoder's buffer; no byte is copied on the way, and a batch never holds rows of two files.
 */
import { type Files } from '../../base/index.js'
import { type Decoded, type LineDecoder } from '../../formats/index.js'
import { type PollLimit, type Polled, type Source, type SourceProgress } from '../contract.js'
import { codingOf, openBytes } from './bytes.js'
import { type Input, findInputs } from './inputs.js'
import { type Bytes } from './pieces.js'

const blockMin = 64 * 1024
const blockMax = 1024 * 1024

interface Reading {
  readonly input: Input
  readonly bytes: Bytes
  readonly decoder: LineDecoder
  atEnd: boolean
}

export interface LineSourceOptions {
  readonly glob: string
  readonly folder: string
  readonly files: Files
  readonly decoder: () => LineDecoder
  /** Keeps the columns that are asked for; all are decoded, since a row with a wrong value in any column is dead. */
  readonly project: (decoded: Decoded) => Decoded
}

export class LineSource implements Source {
  readonly bounded = true
  readonly replayable = true
  private inputs: readonly Input[] = []
  private next = 0
  private current: Reading | null = null
  private rows = 0
  private doneBytes = 0
  private stopped = false

  constructor(private readonly options: LineSourceOptions) {}

  async open(): Promise<void> {
    this.inputs = findInputs(this.options)
    for (const input of this.inputs) codingOf(input)
  }

  async poll(limit: PollLimit): Promise<Polled | null> {
    while (!this.stopped) {
      this.current ??= this.openNext()
      if (this.current === null) return null
      const decoded = this.current.decoder.next(limit.rowsMax)
      if (decoded !== null) return this.polled(decoded, this.current.input.name)
      if (this.current.atEnd) this.closeCurrent()
      else await this.fill(this.current, limit)
    }
    return null
  }

  progress(): SourceProgress {
    const total = this.inputs.reduce((sum, input) => sum + input.stat.bytes, 0)
    return { rows: this.rows, done: this.doneBytes + (this.current?.bytes.position ?? 0), total }
  }

  drain(): void {
    this.stopped = true
  }

  async close(): Promise<void> {
    this.stopped = true
    this.current?.bytes.close()
    this.current = null
  }

  private openNext(): Reading | null {
    const input = this.inputs[this.next]
    if (input === undefined) return null
    this.next += 1
    return { input, bytes: openBytes(input, this.options.files), decoder: this.options.decoder(), atEnd: false }
  }

  private async fill(current: Reading, limit: PollLimit): Promise<void> {
    const block = Math.max(blockMin, Math.min(blockMax, limit.bytesMax))
    const space = current.decoder.space(block).subarray(0, block)
    const read = current.bytes.read(space)
    const got = typeof read === 'number' ? read : await read
    if (got > 0) return current.decoder.filled(got)
    current.decoder.finish()
    current.atEnd = true
  }

  private closeCurrent(): void {
    this.doneBytes += this.current?.input.stat.bytes ?? 0
    this.current?.bytes.close()
    this.current = null
  }

  private polled(decoded: Decoded, split: string): Polled {
    this.rows += decoded.batch.rows + decoded.dead.length
    const { batch, dead, firstLine, lines } = this.options.project(decoded)
    return { batch, split, firstPosition: firstLine, positions: lines, dead }
  }
}
