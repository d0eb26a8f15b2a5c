/**
 * The world: time, chance, files, sockets, processes and threads, as the engine sees them.
 *
 * The core is told what happened and answers what to do; it never touches these itself. They are made in
 * `runtime/open/world.ts` for a real run and by the simulation from a seed, which is why a simulation runs
 * the real engine.
 */

/** Milliseconds. `nowMs` is monotonic and for deadlines; `wallMs` is the date and for people. */
export interface Clock {
  nowMs(): number
  wallMs(): number
  /** Calls `ring` once after `ms`; the answer cancels it. */
  after(ms: number, ring: () => void): () => void
  /** Calls `ring` once, after what the sockets have for us now: a busy source does not starve the workers' replies. */
  soon(ring: () => void): void
}

export interface Random {
  /** A whole number in [0, below). */
  below(below: number): number
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string
}

export interface FileStat {
  readonly bytes: number
  readonly modifiedMs: number
  readonly inode: number
  readonly kind: 'file' | 'directory' | 'other'
}

/** An open file. Positions are bytes from its start. All methods throw the platform's error as it is. */
export interface OpenFile {
  read(into: Uint8Array, position: number): number
  append(bytes: Uint8Array): void
  truncate(bytes: number): void
  sync(): void
  /** As `sync`, while this thread goes on; what is appended meanwhile may not be in it. */
  syncSoon(): Promise<void>
  stat(): FileStat
  close(): void
}

/** Paths are absolute. Synchronous: a source or sink step is one bounded block of bytes. */
export interface Files {
  /** `create` empties what is there, `exclusive` throws EEXIST, `append` keeps it; all three make what is missing. */
  open(path: string, mode: 'read' | 'create' | 'exclusive' | 'append'): OpenFile
  /** Follows links; undefined where nothing is. */
  stat(path: string): FileStat | undefined
  /** Names in the directory, in no order. */
  list(directory: string): readonly string[]
  /** All that match but directories, links to nothing and pipes too; absolute or relative to `directory`, in no order. */
  glob(pattern: string, directory: string): readonly string[]
  /** With its parents; fine where it is there already. */
  makeDirectory(path: string): void
  rename(from: string, to: string): void
  remove(path: string): void
  /** Fine where nothing is. */
  removeTree(path: string): void
  syncDirectory(path: string): void
  realPath(path: string): string
  readText(path: string): string
  writeText(path: string, text: string): void
}

/** What happens to a byte stream; the order is: open, data*, closed. */
export interface StreamEvents {
  readonly data: (bytes: Uint8Array) => void
  readonly drain: () => void
  readonly closed: (cause?: Error) => void
}
export interface ByteStream {
  /** Answers false where the peer is behind: wait for `drain`. */
  write(bytes: Uint8Array): boolean
  pause(): void
  resume(): void
  /** Nothing more is written; `flushed` is called when the platform has taken all of it. */
  end(flushed?: () => void): void
  destroy(): void
}
export interface Listener {
  close(): void
}
/** `address` is `tcp://host:port` or `unix:///path`. */
export interface Sockets {
  listen(address: string, opened: (stream: ByteStream) => StreamEvents): Promise<Listener>
  connect(address: string, events: StreamEvents): Promise<ByteStream>
}

export interface ChildEvents {
  /** It is there: it has its pid, and descriptors of its own. First, and never from inside `spawn`. */
  readonly started?: () => void
  readonly stdout: (bytes: Uint8Array) => void
  readonly stderr: (bytes: Uint8Array) => void
  readonly exit: (end: { readonly code: number | null; readonly signal: string | null }) => void
}
export interface Child {
  /** 0 before it is there. */
  readonly pid: number
  /** Signals the whole process group. */
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGUSR1'): void
}
export interface Processes {
  spawn(
    command: readonly string[],
    options: {
      readonly env: Readonly<Record<string, string>>
      readonly cwd: string
      /**
       * It may be forked from a process with this command and `env`, which is started once and kept; `env` of its own comes
       * on top. Where this system has no way to do that, it is spawned as any other.
       */
      readonly fork?: { readonly server: readonly string[]; readonly env: Readonly<Record<string, string>> }
      /** File descriptors that the child gets as 3, 4, ...; open until it is started. */
      readonly fds?: readonly number[]
      /** Kept open as the child's stdin; its end tells the child that the host is gone. */
      readonly stdin?: 'pipe' | 'ignore'
    },
    events: ChildEvents,
  ): Child
}

/** Nothing of the core needs a thread today; the seam is here so that it cannot be reached around. */
export interface Threads {
  readonly cores: number
}

export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly files: Files
  readonly sockets: Sockets
  readonly processes: Processes
  readonly threads: Threads
}
