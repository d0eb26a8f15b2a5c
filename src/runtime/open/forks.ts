/**
 * The fork servers of a run, one for each command, environment and folder: started with the first process that may be
 * forked, and again when one that served is gone. Where there cannot be one, processes are spawned, and the first of
 * them says why.
 */
import { AnabranchError, type Child, type ChildEvents, type Processes, type WorkerError } from '../../base/index.js'
import { type Descriptors } from '../../transport/index.js'
import { type ForkDeadlines, ForkServer } from './fork-server.js'
import { type Fork, type SpawnOptions, Forked } from './forked.js'
import { type Guard } from './guard.js'

export interface ForksParts {
  readonly native: Descriptors
  readonly guard: Guard
  /** Spawns a process, the servers too. */
  readonly alone: Processes['spawn']
  readonly deadlines?: ForkDeadlines
}

/** Both are long for a machine that is busy: they are for a server that stands still. */
const usual: ForkDeadlines = { readyMs: 30_000, answerMs: 5_000 }

export class Forks {
  private readonly lines = new Map<string, Line>()

  constructor(private readonly parts: ForksParts) {}

  spawn(command: readonly string[], options: SpawnOptions & { readonly fork: Fork }, events: ChildEvents): Child {
    const { env, cwd, fork } = options
    const key = JSON.stringify([fork.server, env, cwd])
    const line = this.lines.get(key) ?? new Line(this.parts, { env, cwd, server: fork.server })
    this.lines.set(key, line)
    const alone = (): Child => this.parts.alone(command, options, events)
    const child = new Forked({ ...this.parts, options, events, alone })
    line.fork(child)
    return child
  }

  /** No server is started any more. */
  close(): void {
    for (const line of this.lines.values()) line.close()
  }
}

/** One server after the other. */
class Line {
  private server: ForkServer | null = null
  /** Why there is none, and will not be. */
  private broken: WorkerError | null = null
  private broke = false
  private closed = false

  constructor(
    private readonly parts: ForksParts,
    private readonly of: {
      readonly env: SpawnOptions['env']
      readonly cwd: string
      readonly server: readonly string[]
    },
  ) {}

  fork(child: Forked): void {
    if (child.dropped) return
    if (this.closed) return child.kill('SIGKILL')
    if (!this.broke) this.begin()
    if (this.server !== null) return this.server.fork(child)
    child.spawnAlone(this.broken)
    this.broken = null
  }

  close(): void {
    this.closed = true
  }

  private begin(): void {
    const { native, alone, deadlines = usual } = this.parts
    const { env, cwd, server } = this.of
    try {
      this.server ??= new ForkServer({
        native,
        deadlines,
        start: (control, said) => {
          const options = { env, cwd, fds: [control], stdin: 'pipe' as const }
          return alone(server, options, { stdout: said, stderr: said, exit: () => undefined })
        },
        refused: child => child.spawnAlone(null),
        gone: (waiting, served, error) => this.gone(waiting, served, error),
      })
    } catch (error) {
      // The machine has no descriptor for one: the process that is asked for tells it, if it gets none either.
      if (!(error instanceof AnabranchError)) throw error
    }
  }

  private gone(waiting: readonly Forked[], served: boolean, error: WorkerError | null): void {
    this.server = null
    this.broken = error
    this.broke = error !== null
    for (const child of waiting) this.fork(child)
    if (served && !this.broke && !this.closed) this.begin()
  }
}
