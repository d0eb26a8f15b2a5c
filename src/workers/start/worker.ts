/**
 * One worker process: started, greeted, opened, called, ended.
 *
 * It is an automaton of the phases hello, opening, ready, ended. Whatever goes wrong has one way out: the reason is
 * written down once (the first one counts), the process group is killed, the process reaped, what it had still sent is
 * told, and only then `lost`. So the runtime never hears of a worker again after `lost`, and every stretch of the
 * mapping is free at that moment.
 */
import { AnabranchError, type Child, ProtocolError, atFailpoint, invariant } from '../../base/index.js'
import {
  Channel,
  type Frame,
  type Mapping,
  Message,
  type TablePart,
  createMapping,
  frameLimits,
  inlineFrame,
  jsonPart,
  protocolVersion,
  readEnvelope,
  readFrame,
} from '../../transport/index.js'
import { stopGracefully } from '../stop/index.js'
import {
  type Call,
  type LostBecause,
  type LostReason,
  type WorkerEvents,
  type WorkerOptions,
  type WorkerProcess,
} from './contract.js'
import { errorOfEnd } from './end.js'
import { environment, seatEnvironment } from './environment.js'
import { type Hello, checkHello, jsonOf, logOf } from './handshake.js'
import { Lines } from './lines.js'
import { Memory } from './memory.js'
import { Outbox } from './outbox.js'

/** A process whose connection broke gets this long to end by itself, so that its own signal is known. */
const exitAfterDisconnectMs = 100

/**
 * Starts one Python process. Everything that happens later, its failing to start too, is told by `events`.
 * @throws ConnectorError, WorkerError where this machine has no socket or process left, or the path is too long.
 */
export function startWorker(options: WorkerOptions, events: WorkerEvents): WorkerProcess {
  return new PythonWorker(options, events)
}

class PythonWorker implements WorkerProcess {
  readonly incarnation: number
  readonly ended: Promise<void>
  private readonly channel: Channel
  private readonly mapping: Mapping | null
  private readonly outbox: Outbox
  private readonly child: Child
  private readonly stdout: Lines
  private readonly stderr: Lines
  private readonly memory: Memory
  private readonly stopClocks: (() => void)[] = []
  private phase: 'hello' | 'opening' | 'ready' | 'ended' = 'hello'
  private hello: Hello | null = null
  private wasReady = false
  private reason: { because: LostBecause; error?: AnabranchError; failed?: LostReason['failed'] } | null = null
  private stopAsked = false
  private saidBye = false
  private settleEnded: () => void = () => undefined

  constructor(
    private readonly options: WorkerOptions,
    private readonly events: WorkerEvents,
  ) {
    const { clock } = options.world
    this.incarnation = options.incarnation
    this.ended = new Promise(resolve => {
      this.settleEnded = resolve
    })
    this.stdout = new Lines('stdout', line => events.output('stdout', line))
    this.stderr = new Lines('stderr', line => events.output('stderr', line))
    const heard = {
      message: (bytes: Uint8Array) => this.receive(bytes),
      fault: (error: ProtocolError) => this.fail('protocol', error),
      disconnected: () => this.disconnected(),
    }
    const bytesMax = frameLimits.bodyBytesMax + 64
    this.channel = new Channel(`${options.folder}/w${options.incarnation}`, bytesMax, heard, options.heartbeat)
    this.mapping = createMapping(options.mappingBytes)
    this.outbox = new Outbox(this.mapping, options.memory)
    this.child = this.spawn()
    this.memory = new Memory(this.child, options.world)
    this.stopClocks.push(clock.after(options.startTimeoutMs, () => this.fail('start-timeout')))
    this.channel.bind().catch((error: unknown) => {
      if (!(error instanceof AnabranchError)) throw error
      this.fail('disconnect', error)
    })
  }

  get pid(): number | null {
    return this.child.pid || null
  }

  get inFlight(): number {
    return this.outbox.size
  }

  get stderrTail(): string {
    return this.stderr.tail()
  }

  call(call: Call, parts: readonly TablePart[], replyBytes?: number): void {
    // A worker that has just ended takes the call and loses it: `lost` is on its way, and tells the same.
    if (this.reason !== null || this.phase === 'ended') return
    invariant(this.phase === 'ready' && !this.stopAsked, 'only a ready worker is called')
    const { kind, lane, sequence, attempt, rows, stage } = call
    const envelope = {
      kind,
      job: this.options.job,
      incarnation: this.incarnation,
      lane,
      sequence,
      attempt,
      rows,
      stage,
    }
    const message = atFailpoint('frame.encode', () => this.outbox.call(envelope, parts, replyBytes))
    atFailpoint('send', () => this.channel.send(message))
  }

  stop(graceMs: number): Promise<void> {
    return stopGracefully(this, graceMs, this.options.world.clock)
  }

  askToStop(): void {
    if (this.stopAsked || this.phase === 'ended') return
    this.stopAsked = true
    if (this.phase === 'ready') this.channel.send(this.control(Message.stop, []))
    else this.kill()
  }

  kill(): void {
    this.fail(this.stopAsked ? 'stopped' : 'killed')
  }

  private spawn(): Child {
    const { options, mapping } = this
    const seat = {
      address: this.channel.address,
      token: options.token,
      job: options.job,
      incarnation: options.incarnation,
      role: options.role,
      protocol: protocolVersion,
      mappingBytes: mapping?.bytes.length ?? 0,
      memoryBytes: options.memoryBytes,
    }
    const command = [options.python, '-m', 'anabranch._worker']
    try {
      return options.world.processes.spawn(
        command,
        {
          env: environment(options),
          fork: { server: [...command, 'fork-server'], env: seatEnvironment(seat) },
          cwd: options.cwd,
          fds: mapping === null ? [] : [mapping.fd],
          stdin: 'pipe',
        },
        {
          started: () => this.started(),
          stdout: bytes => this.stdout.take(bytes, options.world.clock.nowMs()),
          stderr: bytes => this.stderr.take(bytes, options.world.clock.nowMs()),
          exit: end => void this.finish(end),
        },
      )
    } catch (error) {
      mapping?.close()
      void this.channel.close()
      throw error
    }
  }

  private started(): void {
    this.mapping?.handOver()
    this.events.started()
  }

  /** Everything that comes; what is not of the protocol ends the worker, what is not for this call is dropped. */
  private receive(message: Uint8Array): void {
    if (this.phase === 'ended' || this.reason?.because === 'protocol') return
    let tell: () => void
    try {
      tell = this.read(message)
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      this.fail('protocol', error)
      return
    }
    tell()
  }

  /** Checks a message; the answer tells the runtime about it. @throws ProtocolError */
  private read(message: Uint8Array): () => void {
    const e = readEnvelope(message)
    if (e.job !== this.options.job || e.incarnation !== this.incarnation) {
      return () => this.events.dropped('foreign', e)
    }
    if (this.phase === 'ready' && (e.kind === Message.done || e.kind === Message.failed)) {
      if (!this.outbox.answers(e)) return () => this.events.dropped('stale', e)
      const reply = atFailpoint('recv', () => this.outbox.settle(e, message))
      return () => this.events.reply(reply)
    }
    const frame = readFrame(message)
    if (e.kind === Message.log) {
      const record = logOf(jsonOf(frame))
      return () => this.events.log(record)
    }
    return this.greet(frame)
  }

  /** HELLO, OPENED, the refusal of OPEN and BYE: each once, in its phase. */
  private greet(frame: Frame): () => void {
    const kind = frame.envelope.kind
    if (kind === Message.hello && this.phase === 'hello') {
      this.hello = checkHello(jsonOf(frame), this.options)
      this.phase = 'opening'
      this.channel.send(this.control(Message.open, [jsonPart(this.options.open)]))
      return () => undefined
    }
    if (kind === Message.opened && this.phase === 'opening' && this.hello !== null) {
      const info = { ...this.hello, opened: jsonOf(frame) }
      this.phase = 'ready'
      this.wasReady = true
      this.stopTimers()
      this.memory.watch()
      return () => this.events.ready(info)
    }
    if (kind === Message.failed && this.phase === 'opening') {
      const failed = jsonOf(frame)
      return () => this.fail('refused', undefined, failed)
    }
    if (kind === Message.bye && this.stopAsked) {
      this.saidBye = true
      return () => undefined
    }
    throw new ProtocolError('ANB5001', `expected another message than kind ${kind} in the phase ${this.phase}`)
  }

  private control(kind: number, parts: readonly TablePart[]): Uint8Array {
    const zero = { lane: 0, sequence: 0, attempt: 0, rows: 0, stage: 0 }
    return inlineFrame({ kind, job: this.options.job, incarnation: this.incarnation, ...zero }, parts)
  }

  private disconnected(): void {
    const { clock } = this.options.world
    const judge = (): void => {
      // Its end is on its way, late on a busy machine, and says how it died; a thread of it that is left holds it back.
      if (this.memory.isOver()) this.child.kill('SIGKILL')
      else this.fail(this.memory.standsStill() ? 'heartbeat' : 'disconnect')
    }
    if (this.phase !== 'ended') this.stopClocks.push(clock.after(exitAfterDisconnectMs, judge))
  }

  /** The first reason counts; the end follows from the death of the process. */
  private fail(because: LostBecause, error?: AnabranchError, failed?: LostReason['failed']): void {
    if (this.phase === 'ended') return
    this.reason ??= { because, ...(error && { error }), ...(failed && { failed }) }
    this.child.kill('SIGKILL')
  }

  /** The process is reaped: its last words, its replies, then its end. */
  private async finish(end: { readonly code: number | null; readonly signal: string | null }): Promise<void> {
    this.stopTimers()
    await this.channel.drained()
    this.phase = 'ended'
    await this.channel.close()
    this.mapping?.close()
    this.stdout.end()
    this.stderr.end()
    // Where nobody knows how a process ended, its goodbye says it.
    const went = end.code === 0 || (end.code === null && end.signal === null && this.saidBye)
    const because = this.reason?.because ?? (this.stopAsked && went ? 'stopped' : 'exit')
    const failed = this.reason?.failed ?? null
    const what = { ...end, because, failed, wasReady: this.wasReady, stderr: this.stderr.tail() }
    const error = this.reason?.error ?? errorOfEnd({ ...what, ...this.options })
    this.events.lost({ ...what, error, peakRssBytes: this.memory.peakRssBytes })
    this.settleEnded()
  }

  private stopTimers(): void {
    for (const stop of this.stopClocks.splice(0)) stop()
    this.memory.stop()
  }
}
