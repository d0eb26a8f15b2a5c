/**
 * Sinks of Python: the rows of an epoch go to a function of the user, part after part, each with an idempotency key. No system of
 * ours holds a marker, so an epoch may be sent again; then with the same keys and the same bytes, from the log.
 */
import { type Batch } from '../../batch/index.js'
import { type Random, failpoint } from '../../base/index.js'
import { type Schema } from '../../schema/index.js'
import { type TransactionSink } from '../log/transaction-sink.js'
import { partsOf } from './parts.js'

/** A process that calls the function; the runtime gives connectors this door to it. */
export interface PythonPush {
  /** Throws before the first row where the function cannot be called. */
  open(): Promise<void>
  /** The service has the rows when it settles. Repeats the call where that helps. */
  push(batch: Batch, key: string): Promise<void>
  /** Can be called twice; a call under way is given up. */
  close(): Promise<void>
}

export interface PythonSinkOptions {
  /** `push of transforms.py`. */
  readonly place: string
  readonly push: PythonPush
  /** The columns that the function gets, in its order. */
  readonly schema: Schema
  /** With the id of the sink: the beginning of every key. */
  readonly job: string
  readonly id: string
  readonly random: Random
}

export const pythonTransactions = (options: PythonSinkOptions): TransactionSink => new PythonTransactions(options)

class PythonTransactions implements TransactionSink {
  private lineage = ''
  /** Batches so far, in a run without epochs. */
  private batches = 0

  constructor(private readonly options: PythonSinkOptions) {}

  get place(): string {
    return this.options.place
  }

  async open(lineage: string): Promise<{ readonly applied: null }> {
    // Without epochs each run counts from one, with other rows: by chance its keys are none of a run before.
    this.lineage = lineage === '' ? this.options.random.hex(8) : lineage
    await this.options.push.open()
    return { applied: null }
  }

  async appliedIn(): Promise<null> {
    return null
  }

  async apply(epoch: number | null, batches: Iterable<Batch>): Promise<void> {
    const { push, schema, job, id } = this.options
    if (epoch === null) this.batches += 1
    let part = 0
    for (const rows of partsOf(schema, batches)) {
      part += 1
      failpoint('sink.commit', 'before')
      await push.push(rows, [job, this.lineage, id, epoch ?? this.batches, part].join('/'))
      failpoint('sink.commit', 'after')
    }
  }

  close(): Promise<void> {
    return this.options.push.close()
  }
}
