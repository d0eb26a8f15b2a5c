/**
 * What a source and a sink are. Both are driven by the runtime, one call at a time; a promise that is not
 * settled yet is back-pressure. Only `prepare` and `commit` of a sink run beside the writes of later epochs.
 */
import { type shape } from '../base/index.js'
import { type Batch, type Loan } from '../batch/index.js'
import { type DeadRecord } from '../formats/index.js'
import { type EpochOf } from './lineages.js'

export type JsonValue = shape.JsonValue

/** Where a source goes on: made by the source, kept in the record of an epoch. */
export type SourcePosition = JsonValue

/** Where rows come from, for dead letters: a file with lines (or rows) counted from 1. */
export interface Polled {
  readonly batch: Batch
  /** Name of the split as a person writes it: path relative to the job folder, or the address. */
  readonly split: string
  /** Position of each row in the split: `firstPosition + i` where `positions` is null. */
  readonly firstPosition: number
  readonly positions: Float64Array | null
  /** Lines that did not parse, in order. */
  readonly dead: readonly DeadRecord[]
  /** What the batch lies in, where the source wants it back; it is the receiver's to give. */
  readonly loan?: Loan | undefined
  /** Where to go on behind this batch and its dead lines; left out where what was read cannot be read again. */
  readonly next?: SourcePosition | undefined
}

export interface PollLimit {
  readonly rowsMax: number
  readonly bytesMax: number
}

export interface SourceProgress {
  /** Records read, those that do not parse included. */
  readonly rows: number
  /** Done and total in one unit (bytes or rows); total is null where nobody knows. */
  readonly done: number
  readonly total: number | null
  /** What is there and was not read yet, in that unit, of a source whose total nobody knows; left out: nobody knows this either. */
  readonly behind?: number
}

export interface Source {
  readonly bounded: boolean
  /** Positions can be read again after a crash. */
  readonly replayable: boolean
  /**
   * Checks all that can be checked before the first row: existence, footers, schema. A PlanError or ConnectorError. Goes
   * on at a position that it gave as `next` in an earlier run; null or nothing is the beginning.
   */
  open(from?: SourcePosition | null): Promise<void>
  /**
   * The next rows, as soon as there is at least one (an empty batch is allowed where lines were dead, or where nothing but
   * the place to go on changed); null at the end. Batches come in a fixed order for bounded sources: by name of the file, then by position.
   */
  poll(limit: PollLimit): Promise<Polled | null>
  progress(): SourceProgress
  /** Stops intake: a poll under way settles, with null where nothing is left. An unbounded source drains. */
  drain(): void
  /** Can be called twice. */
  close(): Promise<void>
}

export interface SinkFile {
  /** Absolute path, or the address. */
  readonly path: string
  readonly rows: number
}

/** Unfinished: a signal stopped it before the end of an input that has one. */
export type RunEnd = 'finished' | 'unfinished'

/** What a sink says of an epoch: with it, and what it keeps on disk itself, the epoch can be committed again after a crash. */
export type Prepared = JsonValue

/** Where a sink goes on. */
export interface SinkStart {
  /** Whose markers count: 16 hexadecimal digits; empty where the run has no epochs. */
  readonly lineage: string
  /** The last epoch that is prepared in the state of the job; 0: none. */
  readonly epoch: number
  /** What this sink said of that epoch; null: it joins the job behind it. What was written behind it is taken back. */
  readonly prepared: Prepared | null
  /** The state of the job knows that this sink wrote a marker: one that is gone now is a StateError. */
  readonly marked: boolean
  /** Epochs of other lineages that this one has behind it, the oldest first; left out: none, it began with the job. */
  readonly forebears?: readonly EpochOf[]
  /** What was written behind the newest of them may be taken back and written again: somebody consented, now or when it began. */
  readonly rewinds?: boolean
}
/** The start of a run without epochs: a sink writes through, and nobody calls `prepare` or `commit`. */
export const noEpochs: SinkStart = { lineage: '', epoch: 0, prepared: null, marked: false }

/** The last epoch that a sink's marker says is applied, 0 for none yet; null where it keeps no marker. */
export interface SinkOpened {
  readonly applied: number | null
}

/** What goes out in epochs. */
export interface EpochOutput {
  /** Before `open`: the last epoch of another lineage that its marker says is applied; left out where `check` sees what is shown. */
  appliedIn?(lineage: string): Promise<number>
  /** Before any output is opened: throws where it is known that this one refuses. Changes nothing, here or there. */
  check?(start: SinkStart): Promise<void>
  /** Throws before the first row where the place cannot be written. Where the marker is ahead of the start, nothing is changed. */
  open(start: SinkStart): Promise<SinkOpened>
  /** Closes an epoch: what was written before the call is durable when it settles; later writes belong to the next one. */
  prepare(epoch: number): Promise<Prepared>
  /**
   * Makes an epoch visible, together with the marker, in one step of the outside system. In the order of epochs; the same
   * one again after a crash changes nothing.
   */
  commit(epoch: number, prepared: Prepared): Promise<void>
}

export interface Sink extends EpochOutput, SinkLife {}

/** A sink as somebody brings it who knows no epochs: what it is given is written through. */
export interface OwnSinkLife extends SinkLife {
  /** Throws before the first row where the place cannot be written. */
  open(): Promise<void>
}

interface SinkLife {
  /**
   * Takes the batch; the promise settles when the next one may come. The batch's memory is used again then: who needs
   * its rows for longer copies them. Rows are visible only when their file is whole.
   */
  write(batch: Batch): Promise<void>
  /**
   * Everything was written: makes the rest visible, durable. Answers what is visible now. What an unfinished run wrote
   * never takes the place of a finished one's.
   */
  finish(end?: RunEnd): Promise<readonly SinkFile[]>
  /**
   * The job failed: what was rolled stays, what was not is removed. With epochs what is prepared stays too, for the run
   * that goes on. Can be called after finish and twice.
   */
  abort(): Promise<readonly SinkFile[]>
}

/** Tables are read and written by a Python process of ours; the runtime gives connectors this door to it. */
export interface TableWork {
  inspect(path: string): Promise<TableFooter>
  /** Rows of one row group, only the named columns, cast to the declared schema. */
  read(request: TableRead): Promise<TableRows>
  /** Makes a file of the format of an Arrow stream file, fsynced. Safe to call again. */
  write(request: { readonly from: string; readonly to: string }): Promise<void>
}
export interface TableRows {
  readonly batches: readonly Batch[]
  /** What all of them lie in. */
  readonly loan: Loan | undefined
}
export interface TableRead {
  readonly path: string
  readonly rowGroup: number
  /** The part of it that is read: rows from `first` on. */
  readonly first: number
  readonly rows: number
  readonly columns: readonly string[]
}
export interface TableFooter {
  readonly rows: number
  /** In their order; `index` and `first` are said again to read one. */
  readonly rowGroups: readonly {
    readonly rows: number
    readonly bytes: number
    readonly index: number
    readonly first: number
  }[]
  /** Types in our text form; null where we have none for it. */
  readonly schema: readonly (readonly [string, string | null])[]
}
