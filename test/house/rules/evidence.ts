/**
 * The tables that tests must cover: every row begins the name of a test.
 *
 * W and T are the faults of workers and of the transport that are injected for real, S those of the state store, F those of files and tables, U
 * changes between two runs, O the rules of the checker; the others are the rules of ARCHITECTURE.md where engines disagree, as far as they
 * are built. Rules of event time come with event time.
 */
import { beginsWith } from '../../support/names.js'

export interface Row {
  readonly id: string
  readonly what: string
}

export const evidence: readonly Row[] = [
  { id: 'W1', what: 'kill -9 before the batch is read' },
  { id: 'W2', what: 'kill -9 in the middle of a batch' },
  { id: 'W3', what: 'kill -9 after the reply was sent' },
  { id: 'W4', what: 'kill -9 with the reply half sent' },
  { id: 'W5', what: 'a hang in Python' },
  { id: 'W6', what: 'a hang in native code that holds the interpreter' },
  { id: 'W7', what: 'a fork or a deadlock of threads' },
  { id: 'W8', what: 'MemoryError under the memory limit' },
  { id: 'W9', what: 'a kill by the kernel for memory' },
  { id: 'W10', what: 'a slow leak' },
  { id: 'W11', what: 'a segmentation fault in a native library' },
  { id: 'W12', what: 'abort or an illegal instruction' },
  { id: 'W13', what: 'sys.exit or os._exit in a transform' },
  { id: 'W14', what: 'an exception that cannot be shown' },
  { id: 'W15', what: 'another schema than declared' },
  { id: 'W16', what: 'another number of rows than declared' },
  { id: 'W17', what: 'NaN, infinities, nulls where none is allowed, -0.0, huge integers' },
  { id: 'W18', what: 'a huge output' },
  { id: 'W19', what: 'a flood on stdout and stderr' },
  { id: 'W20', what: 'a transform that ignores SIGTERM' },
  { id: 'W21', what: 'a transform that starts children' },
  { id: 'W22', what: 'a transform that spoils its process' },
  { id: 'W23', what: 'an environment that does not import' },
  { id: 'W24', what: 'a crash at every start' },
  { id: 'W25', what: 'all workers die together' },
  { id: 'W26', what: 'SIGSTOP, a resend, then SIGCONT' },
  { id: 'W27', what: 'a transform that is not deterministic' },
  { id: 'W28', what: 'a transform that writes into its input' },
  { id: 'T1', what: 'a duplicate reply' },
  { id: 'T2', what: 'a stale reply after a respawn' },
  { id: 'T3', what: 'a reply for an unknown batch or another job' },
  { id: 'T4', what: 'a send to a dead peer' },
  { id: 'T5', what: 'a socket file left behind' },
  { id: 'T6', what: 'a second host on the same address' },
  { id: 'T7', what: 'truncated, flipped, giant, empty and extra frames' },
  { id: 'T8', what: 'the high-water mark and a slow worker' },
  { id: 'T9', what: 'a blocked event loop' },
  { id: 'T10', what: 'no file descriptors left, or a path too long' },
  { id: 'O1', what: 'the checker finds rows lost, doubled or invented' },
  { id: 'O2', what: 'the checker finds a count of a key that is not the next' },
  { id: 'O3', what: 'the checker finds values that are not those of the model' },
  { id: 'O4', what: 'the checker finds a batch in pieces' },
  { id: 'O5', what: 'the checker finds rows out of order' },
  { id: 'O6', what: 'the checker finds wrong dead letters' },
  { id: 'O7', what: 'the checker finds state and output of two attempts' },
  { id: 'O8', what: 'the checker finds a stopped system that is no cut' },
  { id: 'O9', what: 'the checker finds what a reader saw and that is gone' },
  { id: 'O11', what: 'the checker finds markers with gaps, or that differ' },
  { id: 'O12', what: 'the checker finds what is left over' },
  { id: 'O13', what: 'the checker finds a run that does not end in time' },
  { id: 'O14', what: 'the checker finds a fault without a reason, and a secret' },
  { id: 'F1', what: 'a file sink that is killed anywhere' },
  { id: 'F2', what: 'a rename that is refused, or lost with the power' },
  { id: 'F3', what: 'a target that exists with other content' },
  { id: 'S1', what: 'the host killed between any two steps of an epoch' },
  { id: 'S2', what: 'a loss of power' },
  { id: 'S3', what: 'a torn last record' },
  { id: 'S4', what: 'a flipped bit in the log' },
  { id: 'S5', what: 'a flipped bit in a table' },
  { id: 'S6', what: 'CURRENT, MANIFEST or a table missing' },
  { id: 'S7', what: 'a full disk' },
  { id: 'S8', what: 'an error of fsync' },
  { id: 'S9', what: 'a slow disk' },
  { id: 'S10', what: 'a lock that somebody holds' },
  { id: 'S11', what: 'a read-only file system' },
  { id: 'S12', what: 'state that is larger than memory, or than one key may have' },
  { id: 'S13', what: 'an older copy of the directory' },
  { id: 'F4', what: 'a source file that is another one when a run goes on' },
  { id: 'F5', what: 'a database that is lost, deadlocks or refuses' },
  { id: 'S14', what: 'two hosts with copies of one directory' },
  { id: 'U1', what: 'a savepoint of an older format' },
  { id: 'U2', what: 'code that changed while nothing ran' },
  { id: 'U3', what: 'state columns that changed' },
  { id: 'U4', what: 'operators that came, went or have another name' },
  { id: 'U5', what: 'other numbers of workers, lanes and rows of a batch' },
  { id: 'U6', what: 'state of a later version' },
  { id: 'U7', what: 'a kill in the middle of a migration' },
  { id: 'null key', what: 'a dead letter "null key", or what nullKeys says' },
  { id: 'null argument', what: 'passed to the transform as an Arrow null' },
  { id: 'state first touched by a failed row', what: 'rolled back with the row' },
  { id: 'a result used by several consumers', what: 'the transform ran once for each row' },
  { id: 'one large file, several workers', what: 'all workers have work' },
]

/** The rows that no name begins with. Names of pytest have `_` for what is no letter or digit. */
export function missingEvidence(names: readonly string[], rows: readonly Row[] = evidence): readonly Row[] {
  const spoken = names.map(name => name.replace(/^test_/, '').replaceAll('_', ' '))
  return rows.filter(row => !spoken.some(name => beginsWith(name, row.id)))
}
