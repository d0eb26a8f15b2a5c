/**
 * Files of bytes in order, one after the other in the order of their names. A block of the file is read straight into the
 * decoder's buffer; no byte is copied on the way, and a batch never holds rows of two files.
 */
import { type Clock, type Files, type Observer, type PlanFault, atFailpoint, shape } from '../../base/index.js'
import { type Decoded, type Mark, type MarkedDecoder } from '../../formats/index.js'
import { type PollLimit, type Polled, type Source, type SourcePosition, type SourceProgress } from '../contract.js'
import { namingDamage } from '../io-error.js'
import { codingOf, openBytes, openBytesAt } from './bytes.js'
import { type Input } from './inputs.js'
import { refuseMisfits } from './misfits.js'
import { type Passing, asked, passedOver } from './pass.js'
import { type Bytes } from './pieces.js'
import {
  type RunFiles,
  type Standing,
  filesGoingOn,
  filesOfRun,
  otherPosition,
  readPosition,
  standingFields,
  standingOf,
} from './run-files.js'

const blockMin = 64 * 1024
const blockMax = 1024 * 1024

const position = shape.object({
  kind: shape.oneOf('bytes'),
  ...standingFields,
  at: shape.whole,
  position: shape.whole,
  pass: shape.whole,
})

interface Reading extends Passing {
  readonly input: Input
  readonly decoder: MarkedDecoder
  bytes: Bytes
  atEnd: boolean
  /** Made with the first batch. */
  standing: Standing | null
}

export interface ByteSourceOptions {
  readonly glob: string
  readonly folder: string
  readonly files: Files
  readonly clock: Clock
  readonly observer: Observer
  readonly decoder: () => MarkedDecoder
  /** Keeps the columns that are asked for; all are decoded, since a row with a wrong value in any column is dead. */
  readonly project: (decoded: Decoded) => Decoded
}

export class ByteSource implements Source {
  readonly bounded = true
  readonly replayable = true
  private run: RunFiles = { inputs: [], list: '', doneBytes: 0 }
  private next = 0
  private current: Reading | null = null
  private rows = 0
  private doneBytes = 0
  private stopped = false

  constructor(private readonly options: ByteSourceOptions) {}

  async open(from: SourcePosition | null = null): Promise<void> {
    const mark = from === null ? null : readPosition(from, position)
    this.run = mark === null ? filesOfRun(this.options) : filesGoingOn({ ...this.options, endMatters: false }, mark)
    const { inputs, doneBytes } = this.run
    for (const input of inputs) codingOf(input)
    const faults: PlanFault[] = []
    for (const input of inputs) faults.push(...(await this.misfits(input)))
    refuseMisfits(faults, inputs.length)
    this.doneBytes = doneBytes
    const current = mark === null ? null : this.openNext()
    this.current = current
    if (mark !== null && current !== null) await this.goOn(current, mark)
  }

  async poll(limit: PollLimit): Promise<Polled | null> {
    while (!this.stopped) {
      this.current ??= this.openNext()
      if (this.current === null) return null
      const { decoder, input } = this.current
      const rowsMax = asked(this.current, limit.rowsMax)
      const decoded = namingDamage(input.name, () => atFailpoint('source.decode', () => decoder.next(rowsMax)))
      if (decoded !== null) {
        if (!passedOver(this.current, decoded)) return this.polled(decoded, this.current)
      } else if (this.current.atEnd) this.closeCurrent()
      else await this.fill(this.current, limit.bytesMax)
    }
    return null
  }

  progress(): SourceProgress {
    const { inputs, doneBytes } = this.run
    const total = inputs.reduce((sum, input) => sum + input.bytes, doneBytes)
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
    const input = this.run.inputs[this.next]
    if (input === undefined) return null
    this.next += 1
    return this.begin(input)
  }

  private begin(input: Input): Reading {
    const { files, decoder } = this.options
    const bytes = openBytes(input, files)
    return { input, bytes, decoder: decoder(), atEnd: false, pass: 0, standing: null }
  }

  /** The beginning of the file is read again for what it says of the rest: a header, a written schema. */
  private async goOn(reading: Reading, mark: Mark): Promise<void> {
    const { input, decoder } = reading
    const { clock, files, observer } = this.options
    reading.pass = mark.pass
    if (mark.at === 0) return
    while (decoder.misfits === null && !reading.atEnd) await this.fill(reading, blockMin)
    decoder.resume(mark)
    reading.bytes.close()
    const beganMs = clock.nowMs()
    reading.bytes = await openBytesAt(input, files, mark.at, () => new Promise(resolve => clock.soon(resolve)))
    reading.atEnd = false
    if (codingOf(input) === 'plain') return
    const ms = Math.round(clock.nowMs() - beganMs)
    observer.log('info', `file "${input.name}" is packed: ${mark.at} bytes were unpacked again to go on, in ${ms} ms`)
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
    const { input, pass } = this.current ?? {}
    if (input !== undefined && pass) throw otherPosition(`file "${input.name}" ends ${pass} records before the place`)
    this.doneBytes += this.current?.input.bytes ?? 0
    this.current?.bytes.close()
    this.current = null
  }

  private polled(decoded: Decoded, reading: Reading): Polled {
    this.rows += decoded.batch.rows + decoded.dead.length
    const { batch, dead, firstPosition, positions, loan } = this.options.project(decoded)
    const { at, position, pass } = reading.decoder.mark()
    reading.standing ??= standingOf(reading.input, this.run, this.options.files)
    const { file, prefix, list } = reading.standing
    const next = { kind: 'bytes', file, prefix, list, at, position, pass }
    return { batch, split: file, firstPosition, positions, dead, loan, next }
  }
}
