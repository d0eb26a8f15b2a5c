/**
 * The record of an epoch: what a run goes on from, beside the state itself. It is JSON with a version, since a person
 * reads it when something is wrong (`anabranch state inspect`), and is written in one atomic write with the state.
 */
import { functionRefShape } from '../plan/index.js'
import { ShapeError, StateError, shape as of } from '../base/index.js'

export const recordVersion = 1

const { anyJson, list, map, nullOr, number, object, oneOf, string, whole } = of

const prepared = anyJson()

const swappedIn = map(object({ own: string, source: string, fn: functionRefShape }))
/** Records that were written before code could be swapped do not have it. */
const swapped: typeof swappedIn = (value, path) => (value === undefined ? {} : swappedIn(value, path))

/** Records from before a sink could join a job that goes on do not have it. */
const joined: typeof whole = (value, path) => whole(value ?? 0, path)

export const recordShape = object({
  version: oneOf(recordVersion),
  /** Name of the job. */
  job: string,
  lineage: string,
  epoch: whole,
  /** When it was cut, milliseconds since 1970. */
  wallMs: number,
  /** By id. `position`: where the source goes on; null: at its beginning. `rows`: records given so far. */
  sources: map(object({ position: nullOr(anyJson()), rows: whole })),
  /** By id. `prepared`: what the sink said. `rows`: given to it so far. `joined`: the epoch behind which it came to the job. */
  sinks: map(object({ prepared, rows: whole, joined })),
  letters: prepared,
  captures: prepared,
  /** Stages whose functions for the end of the input were called, by id. */
  lastCalls: list(string),
  ledger: object({ rowsIn: whole, rowsDead: whole, deadByReason: map(whole) }),
  checks: map(object({ rows: whole, failed: whole, byRule: list(whole) })),
  /** SHA-256 of the source of each Python module that ran, by path relative to the job. */
  code: map(string),
  /** What of the plan a start has to fit. */
  plan: object({
    keyGroups: whole,
    /** By id, such as `files of json`. */
    sources: map(string),
    sinks: map(string),
  }),
  /** Where the lineage began: at an epoch of another one; null: at the beginning of the input. */
  begun: nullOr(object({ lineage: string, epoch: whole })),
  /**
   * By operator: a function that was swapped in while the job ran, the digest of its module's source, and that of the job's own module
   * then. It counts until the job itself has another module.
   */
  swapped,
  /** By source: of event time. None yet. */
  watermarks: map(number),
  /** By operator: of timers. None yet. */
  timers: map(whole),
})
export type EpochRecord = ReturnType<typeof recordShape>

export const encodeRecord = (record: EpochRecord): Uint8Array => new TextEncoder().encode(JSON.stringify(record))

/** @throws StateError ANB6101 where it is no record that this version reads */
export function decodeRecord(bytes: Uint8Array): EpochRecord {
  try {
    return recordShape(JSON.parse(new TextDecoder().decode(bytes)), '')
  } catch (cause) {
    if (!(cause instanceof ShapeError || cause instanceof SyntaxError)) throw cause
    throw new StateError('ANB6101', `expected the record of an epoch, version ${recordVersion}, got another`, {
      detail: `${cause.message}.`,
      cause,
    })
  }
}
