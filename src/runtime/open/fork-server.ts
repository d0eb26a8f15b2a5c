/**
 * One fork server from its start to its end: it is asked for processes, says which pid each has and how each ended. One
 * that does not answer, or says what no server of ours says, is killed; the processes that it forked go on.
 */
import { closeSync } from 'node:fs'
import { type Socket } from 'node:net'
import { AnabranchError, type Child, ProtocolError, WorkerError } from '../../base/index.js'
import { type Descriptors } from '../../transport/index.js'
import { ForkTalk, type Told, forkRequest } from './fork-talk.js'
import { type Forked } from './forked.js'
import { ownStream } from './own-stream.js'

export interface ForkServerParts {
  readonly native: Descriptors
  /** Starts its process, with this descriptor as 3. */
  start(control: number, said: (bytes: Uint8Array) => void): Child
  readonly deadlines: ForkDeadlines
  /** The machine has no descriptor left for it. */
  refused(child: Forked): void
  /** It is gone. `waiting` were not forked, and will not be; `error` says why no other one would do better, `served` that this one did. */
  gone(waiting: readonly Forked[], served: boolean, error: WorkerError | null): void
}

export interface ForkDeadlines {
  /** From its start until everything is imported. */
  readonly readyMs: number
  /** For one fork. */
  readonly answerMs: number
}

const tailBytesMax = 4_096

export class ForkServer {
  /** Not yet asked for. */
  private waiting: Forked[] = []
  /** Asked for, by number. */
  private readonly asked = new Map<number, Forked>()
  private readonly running = new Map<number, Forked>()
  private readonly talk = new ForkTalk()
  private readonly control: Socket
  private readonly fd: number
  private readonly process: Child
  private numbers = 0
  private ready = false
  private served = false
  private over = false
  private why: WorkerError | null = null
  private printed = ''
  private clock: NodeJS.Timeout | undefined

  /** @throws WorkerError where the machine has no descriptor or process for it */
  constructor(private readonly parts: ForkServerParts) {
    const ends = parts.native.pair()
    if (ends === null) throw new WorkerError('ANB8004', 'expected a stream to a fork server, no descriptor is left')
    const [ours, theirs] = ends
    this.fd = ours
    this.control = ownStream(ours, bytes => this.take(bytes))
    // Behind the word of the last worker that it forked, which has the stream until then.
    this.control.once('close', () => this.end())
    try {
      this.process = parts.start(theirs, bytes => {
        this.printed = (this.printed + Buffer.from(bytes).toString()).slice(-tailBytesMax)
      })
    } catch (error) {
      this.over = true
      this.control.destroy()
      throw error
    } finally {
      closeSync(theirs)
    }
    this.await(parts.deadlines.readyMs)
  }

  fork(child: Forked): void {
    this.waiting.push(child)
    if (this.ready) this.ask()
  }

  private ask(): void {
    for (const child of this.waiting.splice(0)) {
      if (child.dropped) continue
      this.numbers += 1
      const request = forkRequest(this.numbers, child.env)
      const answer = child.ask(descriptors => this.parts.native.send(this.fd, request, descriptors))
      if (answer === 'asked') this.asked.set(this.numbers, child)
      else if (answer === 'scarce') this.parts.refused(child)
      else {
        // It is gone, which is told later, or has not read for long.
        this.waiting.push(child)
        this.process.kill('SIGKILL')
      }
    }
    if (this.asked.size > 0) this.await(this.parts.deadlines.answerMs)
  }

  private take(bytes: Uint8Array): void {
    if (this.why !== null) return
    try {
      for (const told of this.talk.take(bytes)) this.hear(told)
    } catch (cause) {
      if (!(cause instanceof AnabranchError)) throw cause
      this.why = cannotFork(cause.message, cause)
      this.process.kill('SIGKILL')
    }
  }

  private hear(told: Told): void {
    this.rest()
    switch (told.told) {
      case 'ready':
        this.ready = true
        this.ask()
        return
      case 'forked': {
        const child = take(this.asked, told.worker)
        this.running.set(told.worker, child)
        this.served = true
        child.forked(told.pid)
        break
      }
      case 'refused':
        take(this.asked, told.worker).refused(told.why)
        break
      case 'ended':
        if (this.asked.has(told.worker)) take(this.asked, told.worker).refused('it was killed before it began')
        else take(this.running, told.worker).ended(told)
        break
      case 'threads':
        this.why = cannotFork(`expected a fork server with one thread, it has ${told.names.join(', ')}`)
    }
    if (this.asked.size > 0) this.await(this.parts.deadlines.answerMs)
  }

  private await(ms: number): void {
    this.rest()
    this.clock = setTimeout(() => this.process.kill('SIGKILL'), ms)
  }

  private rest(): void {
    clearTimeout(this.clock)
  }

  private end(): void {
    if (this.over) return
    this.over = true
    this.rest()
    this.process.kill('SIGKILL')
    for (const child of this.running.values()) child.orphaned()
    // Nobody of whom it did not tell goes on.
    for (const child of this.asked.values()) child.unasked()
    const error =
      this.why ?? (this.ready ? null : cannotFork('expected a fork server to start, it ended', undefined, this.printed))
    this.parts.gone([...this.asked.values(), ...this.waiting], this.served, error)
  }
}

function take(from: Map<number, Forked>, number: number): Forked {
  const child = from.get(number)
  if (child === undefined)
    throw new ProtocolError('ANB5001', `expected of the fork server a worker that is there, ${number} came`)
  from.delete(number)
  return child
}

const cannotFork = (message: string, cause?: unknown, printed = ''): WorkerError =>
  new WorkerError('ANB3007', message, { cause, ...(printed !== '' && { detail: `it printed last:\n${printed}` }) })
