/**
 * Files of bytes in order, one after the other in the order of their names. A block of the file is read straight into the
 * decoder's buffer; no byte is copied on the way, and a batch never holds rows of two files.
 */
import { type Files, type PlanFault, atFailpoint } from '../../base/index.js'
import { type Decoded, type Decoder } from '../../formats/index.js'
import { type PollLimit, type Polled, type Source, type SourceProgress } from '../contract.js'
import { namingDamage } from '../io-error.js'
import { codingOf, openBytes } from './bytes.js'
import { type Input, findInputs } from './inputs.js'
import { refuseMisfits } from './misfits.js'
import { type Bytes } from './pieces.js'

const blockMin = 64 * 1024
const blockMax = 1024 * 1024

interface Reading {
  readonly input: Input
  readonly bytes: Bytes
  readonly decoder: Decoder
  atEnd: boolean
}

export interface ByteSourceOptions {
  readonly glob: string
  readonly folder: string
  readonly files: Files
  readonly decoder: () => Decoder
  /** Keeps the columns that are asked for; all are decoded, since a row with a wrong value in any column is dead. */
  readonly project: (decoded: Decoded) => Decoded
}

export class ByteSource implements Source {
  readonly bounded = true
  readonly replayable = true
  private inputs: readonly Input[] = []
  private next = 0
  private current: Reading | null = null
  private rows = 0
  private doneBytes = 0
  private stopped = false

  constructor(private readonly options: ByteSourceOptions) {}

  async open(): Promise<void> {
    this.inputs = findInputs(this.options)
    for (const input of this.inputs) codingOf(input)
    const faults: PlanFault[] = []
    for (const input of this.inputs) faults.push(...(await this.misfits(input)))
    refuseMisfits(faults, this.inputs.length)
  }

  async poll(limit: PollLimit): Promise<Polled | null> {
    while (!this.stopped) {
      this.current ??= this.openNext()
      if (this.current === null) return null
      const { decoder, input } = this.current
      const decoded = namingDamage(input.name, () => atFailpoint('source.decode', () => decoder.next(limit.rowsMax)))
      if (decoded !== null) return this.polled(decoded, input.name)
      if (this.current.atEnd) this.closeCurrent()
      else await this.fill(this.current, limit.bytesMax)
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
    return this.begin(input)
  }

  private begin(input: Input): Reading {
    return { input, bytes: openBytes(input, this.options.files), decoder: this.options.decoder(), atEnd: false }
  }

  /** What the beginning of a file says against the declared schema, for formats that have such a beginning. */
  private async misfits(input: Input): Promise<readonly PlanFault[]> {
    const reading = this.begin(input)
    try {
      while (reading.decoder.misfits === null && !reading.atEnd) await this.fill(reading, blockMin)
      const hint = 'declare what the file has'
      return namingDamage(input.name, () => reading.decoder.misfits ?? []).map(
        message => ({ code: 'ANB1018', message, place: `file "${input.name}"`, hint }) as const,
      )
    } finally {
      reading.bytes.close()
    }
  }

  private async fill(current: Reading, bytesMax: number): Promise<void> {
    const block = Math.max(blockMin, Math.min(blockMax, bytesMax))
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
    const { batch, dead, firstPosition, positions, loan } = this.options.project(decoded)
    return { batch, split, firstPosition, positions, dead, loan }
  }
}
