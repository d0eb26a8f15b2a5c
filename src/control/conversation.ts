/**
 * One client: its requests are answered one after the other. While an answer is being made, or is not read, nothing more is read
 * from the client, so that whoever asks and never listens costs one block of bytes and one answer.
 */
import { AnabranchError, type ByteStream, type StreamEvents, shape } from '../base/index.js'
import { type RunningJob } from '../runtime/index.js'
import { carryOut, unread } from './handlers.js'
import { type RequestLine, RequestLines } from './request-lines.js'

export const requestBytesMax = 64 << 10

export class Conversation implements StreamEvents {
  private readonly lines = new RequestLines(requestBytesMax)
  private answering: Promise<void> | null = null
  private blocked = false
  private gone = false

  constructor(
    private readonly job: RunningJob,
    private readonly stream: ByteStream,
    private readonly ended: () => void,
  ) {}

  /** It waits for an answer that is being made. */
  get waits(): boolean {
    return this.answering !== null
  }

  readonly data = (bytes: Uint8Array): void => {
    this.lines.push(bytes)
    this.pump()
  }

  readonly drain = (): void => {
    this.blocked = false
    this.pump()
  }

  readonly closed = (): void => {
    this.gone = true
    this.ended()
  }

  /** Refuses it before it could ask. */
  refuse(error: AnabranchError): void {
    this.write({ id: null, error: error.json })
    this.stream.end()
  }

  /** The answer that is being made still goes out. */
  async close(): Promise<void> {
    await this.answering
    if (this.gone) return
    await new Promise<void>(resolve => this.stream.end(resolve))
  }

  destroy(): void {
    this.stream.destroy()
  }

  private pump(): void {
    while (!this.gone && !this.blocked && this.answering === null) {
      const line = this.lines.next()
      if (line === null) {
        this.stream.resume()
        return
      }
      this.answering = this.answer(line).then(reply => {
        this.answering = null
        this.write(reply)
        this.pump()
      })
    }
    this.stream.pause()
  }

  private async answer(line: RequestLine): Promise<object> {
    let id: string | number | null = null
    try {
      if (line === 'too long') throw unread(`expected a request of at most ${requestBytesMax} bytes`)
      const { id: given, ...asked } = objectOf(line.text)
      if (typeof given === 'string' || typeof given === 'number') id = given
      return { id, ok: await carryOut(this.job, asked) }
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      return { id, error: error.json }
    }
  }

  private write(reply: object): void {
    if (this.gone) return
    this.blocked = !this.stream.write(Buffer.from(`${JSON.stringify(reply)}\n`))
  }
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return shape.record(JSON.parse(text), '')
  } catch {
    throw unread(`expected one JSON object a line, got ${JSON.stringify(text.slice(0, 40))}`)
  }
}
