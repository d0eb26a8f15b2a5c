/**
 * Sources and sinks as data: what `files(...)`, `socket(...)` and `nullSink(...)` answer. They describe
 * and open nothing; the runtime binds them to connectors by their `kind`. What is not allowed in them is found
 * when the job becomes a plan, with all its other faults.
 */
import { type Format, type SinkFormat, json } from './formats.js'
import { type ModuleLike } from './functions.js'
import { givenFormat, givenPath, givenWrite } from './given.js'
import { unknownOptions } from './option-names.js'
import { type OnLost, type SinkConnector, type SourceConnector } from './nodes.js'
import { type Columns } from './types.js'
import { type Bytes, type Duration, bytesOf, msOf } from './units.js'

/** Where rows of columns `C` come from. */
export interface Source<C extends Columns> {
  readonly source: SourceConnector
  readonly wrong: readonly WrongOption[]
  readonly columns?: C
}
/** Where rows go, and by `N` the columns that it needs of them; `string` where nobody wrote them down as literals. */
export interface Sink<N extends string = string> {
  readonly sink: SinkConnector
  readonly wrong: readonly WrongOption[]
  /** The module of a `@sink` of Python. */
  readonly from?: ModuleLike
  /** For types only; always undefined. */
  readonly needs?: N
}
/** An argument or an option that cannot be read; it becomes a fault of the plan. */
export interface WrongOption {
  readonly message: string
  readonly hint: string
}

export interface FileSinkOptions<N extends string = string> {
  /** When a file is closed and made visible, whichever comes first. Default 128 MiB or 60 s. */
  readonly roll?: { readonly bytes?: Bytes; readonly ms?: Duration }
  /**
   * Rows go to folders named by their values in these columns, `dt=2026-01-01/`, as Hive, Spark and DuckDB read them; the
   * columns are not in the files then. A null or an empty text is `__HIVE_DEFAULT_PARTITION__`. At most 64 files are
   * written at once: with more partitions at a time, files get small. Default none.
   */
  readonly partitionBy?: readonly N[]
}

export interface FileSourceOptions {
  /**
   * The files are followed while they grow, and new ones that match are found, within 250 ms; at most 256 at a time.
   * Unbounded: Ctrl-C ends it. Only for lines (`json`, `csv`, `text`) that are not packed. A half record waits for its
   * end. A file that is renamed goes on; one that is cut or replaced ends and begins anew at line 1. Give a glob that
   * does not match copies of what was read already. Default false.
   */
  readonly tail?: boolean
  /**
   * Of files that are followed: what a run does that goes on and does not find one again of which it may not have read all, since it
   * was rotated away and deleted, or cut, while nobody read. `'fail'` refuses to start (ANB4012); `'earliest'` goes on with what
   * is there, from its first byte where it is new, and warns of each file whose unread rows are lost. Default `'fail'`.
   */
  readonly onLost?: OnLost
}

/**
 * Files that match a glob, in the order of their names. The glob is relative to the job file. `.gz` and `.zst` are
 * decompressed. Bounded; positions are exact, so rows come out exactly once per finished run.
 *
 * ```ts
 * job('lines').from(files('logs/*.log.gz', text()))
 * job('shop').from(files('orders/*.csv', csv({ item: 'utf8', price: 'float64' }, { delimiter: ';' })))
 * ```
 */
function filesSource<C extends Columns>(glob: string, format: Format<C>, options: FileSourceOptions = {}): Source<C> {
  const { node, wrong } = givenFormat('files(...)', format)
  const { tail = false, onLost = 'fail' } = options
  const source = tail
    ? ({ kind: 'tail', glob, format: node, onLost } as const)
    : ({ kind: 'files', glob, format: node } as const)
  const unknown = unknownOptions('files(...)', options, ['tail', 'onLost'])
  return { source, wrong: [...wrong, ...unknown, ...wrongOnLost(options)] }
}

function wrongOnLost({ tail = false, onLost }: FileSourceOptions): readonly WrongOption[] {
  if (onLost === undefined) return []
  if (!tail)
    return [{ message: 'option onLost is of files that are followed', hint: 'leave it out, or write tail: true' }]
  if (onLost === 'fail' || onLost === 'earliest') return []
  const message = `option onLost must be 'fail' or 'earliest', but it is ${JSON.stringify(onLost)}`
  return [{ message, hint: "write { tail: true, onLost: 'earliest' }" }]
}

/**
 * Files in a folder of the run's output folder. A file is visible only when it is whole.
 *
 * ```ts
 * job('shop')
 *   .from(files('*.jsonl', json({ day: 'utf8', price: 'float64' })))
 *   .to(files.sink('by-day/', parquet(), { partitionBy: ['day'], roll: { bytes: '64MiB' } }))
 * ```
 */
function filesSink<const N extends string = never>(
  path: string,
  format: SinkFormat,
  options: FileSinkOptions<N> = {},
): Sink<N> {
  const bytes = bytesOf(options.roll?.bytes ?? '128MiB')
  const ms = msOf(options.roll?.ms ?? '60s')
  const write = givenWrite(format)
  const wrong: WrongOption[] = [...givenPath(path), ...write.wrong, ...unknownOfSink(options)]
  if (bytes === null) wrong.push(wrongRoll('bytes', options.roll?.bytes, "1 byte or more, such as '128MiB'"))
  if (ms === null) wrong.push(wrongRoll('ms', options.roll?.ms, "1 ms or more, such as '60s'"))
  const roll = { bytes: bytes ?? 2 ** 27, ms: ms ?? 60_000 }
  const partitionBy = options.partitionBy ?? []
  const delivery = 'exactly-once'
  return { sink: { kind: 'files', path: String(path), format: write.node, roll, delivery, partitionBy }, wrong }
}

const unknownOfSink = (options: FileSinkOptions): readonly WrongOption[] => [
  ...unknownOptions('files.sink(...)', options, ['roll', 'partitionBy']),
  ...unknownOptions('option roll', options.roll, ['bytes', 'ms']),
]

const wrongRoll = (name: string, value: unknown, allowed: string): WrongOption => ({
  message: `option roll.${name} must be ${allowed}, but it is ${JSON.stringify(value)}`,
  hint: `write roll: { ${name}: ... } with ${allowed}`,
})

export const files: typeof filesSource & { readonly sink: typeof filesSink } = Object.assign(filesSource, {
  sink: filesSink,
})

/**
 * Lines from `tcp://host:port` or `unix:///path`: the job connects and reads until the other side ends, or Ctrl-C.
 * Unbounded, without positions: what was read before a crash is gone, so rows come out at most once.
 */
function socketSource<C extends Columns>(address: string, format: Format<C>): Source<C> {
  const { node, wrong } = givenFormat('socket(...)', format)
  return { source: { kind: 'socket', address, format: node }, wrong }
}

/** JSON lines to `tcp://host:port` or `unix:///path`. */
function socketSink(address: string, format: SinkFormat = json()): Sink<never> {
  const wrong =
    format.write.kind === 'json'
      ? []
      : [
          {
            message: `a socket sink writes JSON lines, not ${format.write.kind}`,
            hint: 'write socket.sink(address, json())',
          },
        ]
  return { sink: { kind: 'socket', address }, wrong }
}

export const socket: typeof socketSource & { readonly sink: typeof socketSink } = Object.assign(socketSource, {
  sink: socketSink,
})

/** Counts rows, and adds up one float64 column as a checksum; writes nothing. For benchmarks. */
export function nullSink<const N extends string = never>(options: { readonly checksum?: N } = {}): Sink<N> {
  return { sink: { kind: 'null', checksum: options.checksum ?? null }, wrong: [] }
}
