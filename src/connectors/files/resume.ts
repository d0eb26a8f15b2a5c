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
import { type GoneOnWith, type PartFile, goneOnWith } from './manifest.js'
import { type Part, type PartState, type Parts, numberOf } from './parts.js'
import { preparedShape } from './prepared.js'
import { type Shelf } from './shelf.js'
import { type Staging } from './staging.js'

export interface ResumedFiles {
  /** `epoch`: the last one of which it has a row. */
  readonly growing: readonly {
    readonly folder: string
    readonly part: Part
    readonly ageMs: number
    readonly epoch: number
  }[]
  /** In their order. */
  readonly sealed: readonly { readonly state: PartState; readonly epoch: number }[]
  /** Number of the next part. */
  readonly begun: number
}

interface Rooms {
  readonly shelf: Shelf
  readonly staging: Staging
  readonly parts: Parts
}

/** What the run has behind it, the newest first: of a sink that it does not know perhaps long ago, when that was here last. */
function behindOf({ lineage, epoch, prepared, forebears = [] }: SinkStart): readonly EpochOf[] {
  if (prepared === null) return [{ lineage, epoch }, ...forebears.toReversed()]
  return [{ lineage: preparedAs(preparedShape, prepared).lineage, epoch }]
}

/** Whether a start can be gone on with, before anything is changed. @throws StateError ANB6020, ANB6036 */
export function checkResume({ shelf, staging, parts }: Rooms, start: SinkStart, delivery: Delivery): void {
  const found = shelf.check()
  if (found === null || start.epoch === 0) return
  const known = goneOnWith(found, start.lineage, behindOf(start))
  const isOther = known === null && found.status === 'running' && found.lineage !== start.lineage
  if (isOther && shelf.shows(found.files)) throw otherRun(shelf.name, start)
  const { growing = [], sealed = [] } = start.prepared === null ? {} : preparedAs(preparedShape, start.prepared)
  const shown = new Map(known?.files.map(part => [part.name, part]))
  for (const part of growing) isShown(part, shown.get(part.name), delivery === 'exactly-once')
  if (known === null || known.isOwn) return
  if (start.rewinds !== true) refuseBehind(shelf, known, start)
  // Of its own epochs all is there, or damaged. Of a savepoint something may have been left behind, and other sinks would go back.
  for (const part of [...growing, ...sealed])
    if (!shown.has(part.name)) staging.verify(parts.stagedName(part.name), part)
}

const joinsHint =
  'begin at the savepoint with --from and --rewind: what the sink shows behind it goes; or start with another --out'

/** What readers have seen of what comes behind the place where a run begins is not taken from them without a word. */
function refuseBehind(shelf: Shelf, { at, files, isHeld }: GoneOnWith, { prepared }: SinkStart): void {
  const behind = files.filter(({ epoch }) => epoch > at.epoch)
  if (isHeld || !shelf.shows(behind)) return
  const newest = Math.max(...behind.map(({ epoch }) => epoch))
  throw new StateError(
    'ANB6036',
    `sink folder "${shelf.name}" shows rows of epoch ${newest}, and the savepoint is of epoch ${at.epoch}`,
    {
      detail: `What came behind epoch ${at.epoch} would be taken back, and written again. Nothing was changed.`,
      ...(prepared === null && { hint: joinsHint }),
    },
  )
}

export function resumeFiles({ shelf, staging, parts }: Rooms, start: SinkStart, delivery: Delivery): ResumedFiles {
  const prepared = preparedAs(preparedShape, start.prepared)
  if (!shelf.isKnown) refuseLoss(start, prepared.lineage, shelf.manifest)
  const names = new Set([...prepared.growing, ...prepared.sealed].map(({ name }) => name))
  // One that was shown and is in neither folder was taken away by whoever reads the output.
  const isStaged = (name: string): boolean => staging.has(name) || staging.has(parts.stagedName(name))
  const known = shelf.resume(start.lineage, {
    behind: behindOf(start),
    stays: ({ name, epoch }, { at, isOwn }) => isOwn || epoch <= at.epoch || names.has(name),
    isToCome: name => names.has(name) && isStaged(name),
  })
  if (known === null) {
    refuseLoss(start, prepared.lineage, shelf.manifest)
    // A savepoint that is started in another output folder: what comes after it is written there, under numbers that go on.
    shelf.open(start.lineage)
    return { growing: [], sealed: [], begun: prepared.parts }
  }
  const { taken } = shelf
  const growing = prepared.growing.filter(part => !isShown(part, taken.get(part.name), delivery === 'exactly-once'))
  const sealed = prepared.sealed.filter(({ name }) => !taken.has(name))
  const toCome = [...growing, ...sealed]
  for (const part of toCome) staging.verify(parts.stagedName(part.name), part)
  const held = shelf.replacing ? [...taken.keys()] : []
  staging.keepOnly(new Set([...toCome.map(({ name }) => parts.stagedName(name)), ...held]))
  return {
    growing: growing.map(({ folder, ageMs, epoch, ...state }) => ({ folder, ageMs, epoch, part: parts.resume(state) })),
    sealed: sealed.map(({ epoch, ...state }) => ({ epoch, state })),
    begun: Math.max(prepared.parts, begunIn(shelf)),
  }
}

/**
 * A sink of which the run knows nothing, since it is new or was away for a while: what it showed in epochs that the run has behind it
 * stays, under numbers that go on, and what it had staged was left behind.
 */
export function joinFiles({ shelf, staging }: Omit<Rooms, 'parts'>, start: SinkStart): ResumedFiles {
  const { lineage } = start
  const known = shelf.resume(lineage, {
    behind: behindOf(start),
    stays: (part, { at, isOwn, isHeld }) => {
      // One that the run died over is named as shown, and still staged.
      const isLeft = !isHeld && staging.has(part.name) && !shelf.shows([part])
      return !isLeft && (isOwn || part.epoch <= at.epoch)
    },
    isToCome: () => false,
  })
  if (known === null) shelf.open(lineage)
  staging.keepOnly(new Set(shelf.replacing ? shelf.taken.keys() : []))
  return { growing: [], sealed: [], begun: begunIn(shelf) }
}

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
