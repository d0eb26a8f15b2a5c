/**
 * One process that is forked, or spawned where that could not be; whoever asked for it sees no difference.
 *
 * Its outputs are streams of its own, and so is its stdin, of which the host holds the other end: when that closes, the
 * kernel kills it. Its fork server says how it ended. Where the server ended before it, the process is watched until it
 * is gone, and how it ended is known to nobody.
 */
import { closeSync } from 'node:fs'
import { type Socket } from 'node:net'
import { AnabranchError, type Child, type ChildEvents, type Processes, type WorkerError } from '../../base/index.js'
import { type Descriptors } from '../../transport/index.js'
import { killGroup, lingering } from './ending.js'
import { type Guard } from './guard.js'
import { ownStream } from './own-stream.js'
import { startTime, stateOf } from './process-state.js'

export type SpawnOptions = Parameters<Processes['spawn']>[1]
export type Fork = NonNullable<SpawnOptions['fork']>

export interface ForkedParts {
  readonly native: Descriptors
  readonly guard: Guard
  readonly options: SpawnOptions & { readonly fork: Fork }
  readonly events: ChildEvents
  /** Starts it by itself. */
  alone(): Child
}

type End = Parameters<ChildEvents['exit']>[0]

/** An orphan is looked for this often. */
const lookEveryMs = 10
const killed: End = { code: null, signal: 'SIGKILL' }

export class Forked implements Child {
  private ownPid = 0
  private started = ''
  /** The host's ends of stdin, stdout and stderr; none before it was asked for. */
  private streams: readonly Socket[] = []
  private instead: Child | null = null
  private condemned = false
  private over = false

  constructor(private readonly parts: ForkedParts) {}

  get pid(): number {
    return this.instead?.pid ?? this.ownPid
  }

  /** What it alone has of its environment. */
  get env(): Fork['env'] {
    return this.parts.options.fork.env
  }

  /** Killed before anybody was asked for it. */
  get dropped(): boolean {
    return this.over
  }

  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGUSR1'): void {
    if (this.over) return
    if (this.instead !== null) this.instead.kill(signal)
    else if (this.ownPid > 0) this.killGroup(signal)
    else if (this.streams.length === 0) this.end(killed, Promise.resolve())
    else this.condemned = true
  }

  /** Makes its streams and has their other ends sent. `scarce`: no descriptors are left. `refused`: nobody took them. */
  ask(send: (descriptors: readonly number[]) => boolean): 'asked' | 'scarce' | 'refused' {
    const { native, options } = this.parts
    const pairs = [native.pair(), native.pair(), native.pair()].filter(pair => pair !== null)
    const { stdout, stderr } = this.parts.events
    const takes = [() => undefined, stdout, stderr]
    this.streams = pairs.map(([fd], i) => ownStream(fd, takes[i] ?? stderr))
    const theirs = pairs.map(([, fd]) => fd)
    const enough = pairs.length === 3
    const asked = enough && send([...theirs, ...(options.fds ?? [])])
    for (const fd of theirs) closeSync(fd)
    if (!asked) this.unasked()
    return asked ? 'asked' : enough ? 'refused' : 'scarce'
  }

  forked(pid: number): void {
    this.ownPid = pid
    this.started = startTime(pid)
    this.parts.guard.watch(pid)
    if (this.condemned) this.killGroup('SIGKILL')
    this.parts.events.started?.()
  }

  /** It was not forked, and is asked for anew or started by itself. */
  unasked(): void {
    this.dropStreams()
    if (this.condemned) this.end(killed, Promise.resolve())
  }

  /** `why` nobody is forked, for whoever reads its log. */
  spawnAlone(why: WorkerError | null): void {
    if (this.over) return
    const { events, alone } = this.parts
    if (why !== null) events.stderr(Buffer.from(`${why.code} ${why.message}${why.detail && `\n${why.detail}`}\n`))
    try {
      this.instead = alone()
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      this.refused(error.message)
    }
  }

  /** The machine gave no process. */
  refused(why: string): void {
    this.parts.events.stderr(Buffer.from(`${why}\n`))
    this.end({ code: 127, signal: null }, Promise.resolve())
  }

  /** Its server reaped it, and killed its group. */
  ended(end: End): void {
    this.end(end, this.outputsClosed())
  }

  /** Its server is gone: it is looked for until it is gone too. */
  orphaned(): void {
    if (stateOf(this.ownPid, this.started) === 'runs') {
      setTimeout(() => this.orphaned(), lookEveryMs)
      return
    }
    this.killGroup('SIGKILL')
    this.end({ code: null, signal: null }, this.outputsClosed())
  }

  /** Its end may be told a little later than its number is free again. */
  private killGroup(signal: NodeJS.Signals): void {
    if (stateOf(this.ownPid, this.started) !== 'another') killGroup(this.ownPid, signal)
  }

  private end(end: End, closed: Promise<unknown>): void {
    if (this.over) return
    this.over = true
    if (this.ownPid > 0) this.parts.guard.release(this.ownPid)
    void lingering(closed).then(() => {
      this.dropStreams()
      this.parts.events.exit(end)
    })
  }

  private outputsClosed(): Promise<unknown> {
    const closed = (stream: Socket): Promise<void> =>
      new Promise(resolve => (stream.closed ? resolve() : stream.once('close', () => resolve())))
    return Promise.all(this.streams.slice(1).map(closed))
  }

  private dropStreams(): void {
    for (const stream of this.streams) stream.destroy()
    this.streams = []
  }
}
