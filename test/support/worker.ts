/**
 * One real process behind `startWorker`, with everything that it tells written down: for tests of the host's side.
 */
import { fileURLToPath } from 'node:url'
import { type Envelope, type TableView, Message, Table, bytesPart } from '../../src/transport/index.js'
import { BufferPool } from '../../src/batch/index.js'
import { type RealWorld, openWorld } from '../../src/runtime/open/world.js'
import {
  type LogRecord,
  type LostReason,
  type WorkerOptions,
  type WorkerProcess,
  type WorkerReady,
  startWorker,
} from '../../src/workers/start/index.js'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const python = `${root}.venv/bin/python`
export const standIn = `${root}test/support/stand-in`

export interface Told {
  readonly ready: WorkerReady[]
  readonly replies: (Omit<Envelope, 'tables'> & { readonly tables: readonly TableView[] })[]
  readonly logs: LogRecord[]
  readonly lines: string[]
  readonly dropped: string[]
  readonly lost: LostReason[]
}

export class TestWorker {
  readonly told: Told = { ready: [], replies: [], logs: [], lines: [], dropped: [], lost: [] }
  readonly process: WorkerProcess
  private sequence = 0
  private readonly waiting: { met: () => boolean; resolve: () => void }[] = []

  constructor(
    readonly world: RealWorld,
    readonly behaviours: readonly string[],
    options: Partial<WorkerOptions> = {},
  ) {
    const { told } = this
    const tell =
      <T>(list: T[]) =>
      (value: T): void => {
        list.push(value)
        this.look()
      }
    this.process = startWorker(
      {
        world,
        python,
        packageFolder: standIn,
        packageVersion: '0.1.0',
        folder: world.runFolder,
        cwd: root,
        job: '0123456789abcdef',
        incarnation: 1,
        token: 'secret',
        role: 'user',
        open: { behaviours },
        mappingBytes: 2 ** 24,
        memory: new BufferPool(2 ** 24),
        memoryBytes: 0,
        startTimeoutMs: 20_000,
        hostEnv: process.env,
        passEnv: [],
        ...options,
      },
      {
        started: () => undefined,
        ready: tell(told.ready),
        reply: frame => tell(told.replies)({ ...frame.envelope, tables: frame.tables }),
        log: tell(told.logs),
        output: (stream, line) => tell(told.lines)(`${stream}: ${line}`),
        dropped: why => tell(told.dropped)(why),
        lost: tell(told.lost),
      },
    )
  }

  get pid(): number {
    const { pid } = this.process
    if (pid === null) throw new Error('expected a process that is there')
    return pid
  }

  /** Calls the behaviour of that name with one table. Answers the sequence. */
  call(behaviour: string, bytes: Uint8Array = new Uint8Array(0), attempt = 1): number {
    this.sequence += 1
    const stage = this.behaviours.indexOf(behaviour)
    this.process.call({ kind: Message.call, lane: 5, sequence: this.sequence, attempt, rows: 3, stage }, [
      bytesPart({ kind: Table.rows, schemaId: 1, rows: 3 }, bytes),
    ])
    return this.sequence
  }

  /** Calls and awaits the reply (or the end); answers the first table's bytes. */
  async ask(behaviour: string, bytes?: Uint8Array): Promise<Uint8Array> {
    const before = this.told.replies.length
    this.call(behaviour, bytes)
    await this.until(() => this.told.replies.length > before || this.told.lost.length > 0)
    const reply = this.told.replies[before]
    if (reply === undefined) throw new Error(`lost: ${JSON.stringify(this.told.lost[0])}`)
    return reply.tables[0]?.bytes ?? new Uint8Array(0)
  }

  async ready(): Promise<this> {
    await this.until(() => this.told.ready.length > 0 || this.told.lost.length > 0)
    if (this.told.lost[0] !== undefined) throw new Error(`lost: ${JSON.stringify(this.told.lost[0])}`)
    return this
  }

  async lost(): Promise<LostReason> {
    await this.until(() => this.told.lost.length > 0)
    const reason = this.told.lost[0]
    if (reason === undefined) throw new Error('lost without a reason')
    return reason
  }

  until(met: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.waiting.push({ met, resolve })
      this.look()
    })
  }

  private look(): void {
    for (const one of [...this.waiting]) {
      if (!one.met()) continue
      this.waiting.splice(this.waiting.indexOf(one), 1)
      one.resolve()
    }
  }
}

/** A world whose workers and folder are gone when `body` ends, however it ends. */
export async function inWorld(body: (world: RealWorld) => Promise<void>): Promise<void> {
  const world = openWorld()
  try {
    await body(world)
  } finally {
    await world.close()
  }
}

/** Whether the kernel still knows the process, zombies not counted. */
export function alive(world: RealWorld, pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(world.files.readText(`/proc/${pid}/status`))
  } catch {
    return false
  }
}

/** Equal bytes; quicker than `toEqual` on a megabyte. */
export function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0
}
