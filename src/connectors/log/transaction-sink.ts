/** An outside system that takes the rows of an epoch and says so in the same transaction. */
import { type Batch } from '../../batch/index.js'

export interface TransactionSink {
  /** Where rows go, as a person writes it. */
  readonly place: string
  /** Before `open`: throws where the rows cannot go there, without a change. */
  check?(): Promise<void>
  /**
   * Throws before the first row where the rows cannot go there. Answers the last epoch of the lineage that the marker says is
   * applied; 0: none, or a run without epochs (an empty lineage). Null: the system keeps no marker; one is kept beside the log
   * then, and the epoch that a crash finds between the rows and the marker is applied again.
   *
   * @param prepared the last epoch that a run before may have asked to apply.
   */
  open(lineage: string, prepared: number): Promise<{ readonly applied: number | null }>
  /** Before `open`: the marker of another lineage, without a change; null as of `open`. */
  appliedIn(lineage: string): Promise<number | null>
  /**
   * Rows and marker, all or nothing where there is a marker; durable when it settles. An epoch that the marker says is applied
   * changes nothing where this run, or the one before, may have done it, so it may be asked for again when nobody knows how the
   * last time ended; where only another host can have, it is refused. Null: rows without a marker. The rows can be gone through again.
   */
  apply(epoch: number | null, batches: Iterable<Batch>): Promise<void>
  /** Can be called twice. */
  close(): Promise<void>
}
