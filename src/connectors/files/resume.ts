/**
 * Resume: staging and folder as they were at the end of the last prepared epoch. Parts that grew are cut off at their
 * length then, those that were sealed and not shown wait to be shown, and everything that came later is removed. It may be killed
 * anywhere and done again.
 */
import { StateError } from '../../base/index.js'
import { type Delivery } from '../../plan/index.js'
import { type SinkStart } from '../contract.js'
import { type EpochOf } from '../lineages.js'
import { preparedAs } from '../prepared.js'
import { type Manifest, type PartFile, goneOnWith } from './manifest.js'
import { type Markers } from './markers.js'
import { type Part, type PartState, type Parts, numberOf } from './parts.js'
import { preparedShape } from './prepared.js'
import { type Shelf } from './shelf.js'
import { type Staging } from './staging.js'

export interface ResumedFiles {
  readonly growing: readonly { readonly folder: string; readonly part: Part; readonly ageMs: number }[]
  /** In their order. */
  readonly sealed: readonly { readonly state: PartState; readonly epoch: number }[]
  /** Number of the next part. */
  readonly begun: number
}

interface Rooms {
  readonly shelf: Shelf
  readonly staging: Staging
  readonly parts: Parts
  readonly markers: Pick<Markers, 'read'>
}

/** Whether a start can be gone on with, before anything is changed. @throws StateError ANB6020, ANB6036 */
export function checkResume(rooms: Rooms, start: SinkStart, delivery: Delivery): void {
  const { shelf, staging, parts } = rooms
  const found = shelf.check()
  if (found === null) return
  if (start.prepared === null) return checkJoin(rooms, start, found)
  const prepared = preparedAs(preparedShape, start.prepared)
  const known = goneOnWith(found, start.lineage, { lineage: prepared.lineage, epoch: start.epoch })
  const isOther = known === null && found.status === 'running' && found.lineage !== start.lineage
  if (isOther && shelf.shows(found.files)) throw otherRun(shelf.name, start)
  const shown = new Map(known?.files.map(part => [part.name, part]))
  for (const part of prepared.growing) isShown(part, shown.get(part.name), delivery === 'exactly-once')
  // Of its own epochs all is there, or damaged. Of a savepoint something may have been left behind, and other sinks would go back.
  if (known === null || start.lineage === prepared.lineage) return
  for (const part of [...prepared.growing, ...prepared.sealed])
    if (!shown.has(part.name)) staging.verify(parts.stagedName(part.name), part)
}

/** A sink that joins the job removes no rows of a run that the job does not go on with, and without consent none behind a savepoint. */
function checkJoin({ shelf, markers }: Pick<Rooms, 'shelf' | 'markers'>, start: SinkStart, found: Manifest): void {
  const { status, lineage, waiting, files } = found
  const { begun } = start
  const isOwn = lineage === start.lineage || waiting?.lineage === start.lineage
  if (start.epoch === 0 || isOwn || !shelf.shows(files)) return
  if (lineage !== begun?.lineage) {
    if (status === 'running') throw otherRun(shelf.name, start)
  } else if (start.rewinds !== true && isBehind({ shelf, markers }, begun)) throw goneBehind(shelf.name, begun)
}

/** It has shown what comes behind a savepoint. */
const isBehind = (rooms: Pick<Rooms, 'shelf' | 'markers'>, { lineage, epoch }: EpochOf): boolean =>
  appliedIn(rooms, lineage) > epoch

export function resumeFiles(
  { shelf, staging, parts }: Omit<Rooms, 'markers'>,
  start: SinkStart,
  delivery: Delivery,
): ResumedFiles {
  const prepared = preparedAs(preparedShape, start.prepared)
  if (!shelf.isKnown) refuseLoss(start, prepared.lineage, shelf.manifest)
  const names = [...prepared.growing, ...prepared.sealed].map(({ name }) => name)
  // One that was shown and is in neither folder was taken away by whoever reads the output.
  const staged = new Set(names.filter(name => staging.has(name) || staging.has(parts.stagedName(name))))
  const known = shelf.resume(start.lineage, { at: { lineage: prepared.lineage, epoch: start.epoch }, staged })
  if (!known) {
    refuseLoss(start, prepared.lineage, shelf.manifest)
    // A savepoint that is started in another output folder: what comes after it is written there, under numbers that go on.
    shelf.open(start.lineage)
    return { growing: [], sealed: [], begun: prepared.parts }
  }
  const exactly = delivery === 'exactly-once'
  if (exactly && start.lineage !== prepared.lineage) shelf.takeBack(name => numberOf(name) >= prepared.parts)
  const { taken } = shelf
  const growing = prepared.growing.filter(part => !isShown(part, taken.get(part.name), exactly))
  const sealed = prepared.sealed.filter(({ name }) => !taken.has(name))
  const toCome = [...growing, ...sealed]
  for (const part of toCome) staging.verify(parts.stagedName(part.name), part)
  const held = shelf.replacing ? [...taken.keys()] : []
  staging.keepOnly(new Set([...toCome.map(({ name }) => parts.stagedName(name)), ...held]))
  return {
    growing: growing.map(({ folder, ageMs, ...state }) => ({ folder, ageMs, part: parts.resume(state) })),
    sealed: sealed.map(({ epoch, ...state }) => ({ epoch, state })),
    begun: Math.max(prepared.parts, begunIn(shelf)),
  }
}

/**
 * A sink of which the run knows nothing, since it is new or was away for a while: what it showed stays, under numbers that go on,
 * and what it had staged was left behind. Where the run begins at a savepoint, what was shown behind that goes: whoever joins then
 * cannot tell it from what came before.
 */
export function joinFiles({ shelf, staging, markers }: Omit<Rooms, 'parts'>, start: SinkStart): ResumedFiles {
  const { lineage } = start
  const begun = start.begun ?? null
  const places = [{ lineage, epoch: 0 }, ...(begun === null || isBehind({ shelf, markers }, begun) ? [] : [begun])]
  if (!places.some(at => shelf.resume(lineage, { at, staged: new Set() }))) shelf.open(lineage)
  // One that the run died over is named as shown, and still staged.
  if (!shelf.replacing) shelf.takeBack(name => staging.has(name))
  staging.keepOnly(new Set(shelf.replacing ? shelf.taken.keys() : []))
  return { growing: [], sealed: [], begun: begunIn(shelf) }
}

/**
 * The last epoch that this lineage has applied, and where the run that is shown has it among those that it goes on from, the last one
 * of that. What a finished one replaced has a line still, and nothing here.
 */
export function appliedIn({ shelf, markers }: Pick<Rooms, 'shelf' | 'markers'>, lineage: string): number {
  const found = shelf.check()
  if (found !== null && lineagesOf(found).includes(lineage))
    return Math.max(markers.read(lineage), markers.read(found.lineage))
  return found?.status === 'finished' && found.waiting === null ? 0 : markers.read(lineage)
}

const lineagesOf = ({ lineage, forebears }: Manifest): readonly string[] => [
  ...forebears.map(each => each.lineage),
  lineage,
]

/** Number behind the last part that is shown or held. */
const begunIn = ({ taken }: Shelf): number => Math.max(0, ...[...taken.keys()].map(name => numberOf(name) + 1))

const otherRun = (name: string, { epoch }: SinkStart): StateError =>
  new StateError(
    'ANB6036',
    `sink folder "${name}" shows rows that do not come before or behind the savepoint of epoch ${epoch}`,
    {
      detail: 'A run wrote them that began elsewhere and is not finished, and they would go. Nothing was changed.',
      hint: 'start with another --out; or remove what lies in that folder if nobody needs it',
    },
  )

const goneBehind = (name: string, { epoch }: EpochOf): StateError =>
  new StateError('ANB6036', `sink folder "${name}" shows rows that came behind the savepoint of epoch ${epoch}`, {
    detail:
      'The savepoint knows nothing of this sink, so nobody can tell them from those before it. Nothing was changed.',
    hint: 'begin at the savepoint with --rewind: the sink begins anew and what it shows goes; or start with another --out',
  })

function refuseLoss({ lineage, epoch }: SinkStart, before: string, manifest: string): void {
  if (lineage !== before) return
  throw new StateError('ANB6020', `the output folder knows nothing of the files of epoch ${epoch}`, {
    detail: `The state of the job says that this sink has written files, and their list is gone: ${manifest}. Nothing was changed.`,
    hint: 'restore the output folder as a whole, or start again with another --out',
  })
}

/** One that grew is shown where the run ended behind that epoch, whole: then nothing came after what was prepared. */
function isShown(part: PartState, shown: PartFile | undefined, exactly: boolean): boolean {
  if (shown === undefined) return false
  if (!exactly || shown.rows === part.rows) return true
  throw new StateError('ANB6020', `part "${part.name}" was shown with more rows than the start has`, {
    detail: `It had ${part.rows} rows then and has ${shown.rows} now. Nothing was changed.`,
    hint: 'start with another --out, or from a later savepoint',
  })
}
