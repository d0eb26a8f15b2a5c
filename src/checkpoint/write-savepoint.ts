/**
 * Writing a savepoint: a snapshot of the store into files beside its place, which get their name in one step at the end. The
 * job may go on meanwhile; state is read a span of key groups at a time, so it takes little memory beside the job's.
 */
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { type Files, type OpenFile, StateError, atFailpoint } from '../base/index.js'
import { type Batch, columnOf, endOfStream, ipcSize, ipcTemplate, streamHeader, writeIpc } from '../batch/index.js'
import { KeyDigest, StoredOperator, expectKeys, formToJson } from '../state/index.js'
import { type Snapshot, encodeKeyGroups } from '../state/stores/index.js'
import { type EpochRecord, decodeRecord } from './record.js'
import {
  type SavedOperator,
  type Savepoint,
  codeFolder,
  encodeSavepoint,
  savedSchema,
  savepointFile,
  unfinishedName,
} from './savepoint.js'

export interface SavepointPlan {
  readonly snapshot: Snapshot
  /** Absolute; nothing is there yet. */
  readonly path: string
  readonly files: Files
  readonly wallMs: number
  /** That state may take; null: as much as there is. */
  readonly budgetBytes: number | null
  /** The source of a module of the epoch, by its digest; null: it is not kept. */
  readonly sourceOf: (digest: string) => Uint8Array | null
  /** Lets the job go on for a moment. */
  readonly breathe: () => Promise<void>
  /** Awaited before it gets its name: everything that it is of is visible. */
  readonly settled: () => Promise<void>
}

const folders = ['operators', codeFolder] as const
/** State that is read at once, of what a budget gives this part: beside it lies the job's own. */
const pass = { mostBytes: 128 << 20, leastBytes: 4 << 20, ofBudget: 1 / 8 } as const
const batchRows = 16_384

/** @throws StateError ANB6032 where something is there already, ANB6033 where it cannot be written. */
export async function writeSavepoint(plan: SavepointPlan): Promise<Savepoint> {
  const { files, path, snapshot, wallMs } = plan
  const name = basename(path)
  refuseTaken(files, path)
  const beside = join(dirname(path), unfinishedName(name))
  const writer = new SavepointWriter(files, beside)
  try {
    files.removeTree(beside)
    for (const folder of folders) files.makeDirectory(join(beside, folder))
    const epoch = decodeRecord(snapshot.bytes)
    await writeSources(plan, epoch, writer)
    const operators: SavedOperator[] = []
    for (const each of snapshot.operators.filter(({ rows }) => rows > 0))
      operators.push(await writeOperator(plan, each, writer.file(`operators/${operators.length}.arrow`)))
    const savepoint = { name, wallMs, epoch, operators, files: writer.files }
    await plan.settled()
    await writer.whole(savepointFile, Buffer.from(encodeSavepoint(savepoint)))
    for (const folder of [...folders, '.']) files.syncDirectory(join(beside, folder))
    atFailpoint('savepoint.publish', () => files.rename(beside, path))
    files.syncDirectory(dirname(path))
    return savepoint
  } catch (error) {
    writer.close()
    files.removeTree(beside)
    throw writeError(path, error)
  }
}

/** @throws StateError ANB6032 */
export function refuseTaken(files: Files, path: string): void {
  if (files.stat(path) !== undefined) throw new StateError('ANB6032', `savepoint ${path} is there already`)
}

/** Of the code that ran, so that it runs on wherever the savepoint is copied to. */
async function writeSources(
  { sourceOf }: SavepointPlan,
  { code, swapped }: EpochRecord,
  writer: SavepointWriter,
): Promise<void> {
  const digests = new Set([...Object.values(code), ...Object.values(swapped).map(({ source }) => source)])
  for (const digest of digests) {
    const bytes = sourceOf(digest)
    if (bytes !== null) await writer.whole(`${codeFolder}/${digest}.py`, bytes)
  }
}

function writeError(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause && 'syscall' in cause ? String(cause.code) : null
  if (code === null) return cause
  return new StateError('ANB6033', `savepoint ${path} could not be written: ${code}`, { cause })
}

const passBytesOf = (budgetBytes: number | null): number =>
  budgetBytes === null
    ? pass.mostBytes
    : Math.min(pass.mostBytes, Math.max(pass.leastBytes, pass.ofBudget * budgetBytes))

async function writeOperator(
  { snapshot, breathe, budgetBytes }: SavepointPlan,
  { operator, form, bytes }: Snapshot['operators'][number],
  file: SavedFile,
): Promise<SavedOperator> {
  const schema = savedSchema(form)
  const template = ipcTemplate(schema)
  file.append(streamHeader(schema, { operator }))
  const passes = Math.max(1, Math.min(form.keyGroups, Math.ceil(bytes / passBytesOf(budgetBytes))))
  const batches: number[] = []
  const found = new KeyDigest(form.keyGroups)
  let rows = 0
  for (let pass = 0; pass < passes; pass += 1) {
    const first = Math.floor((pass * form.keyGroups) / passes)
    const last = Math.floor(((pass + 1) * form.keyGroups) / passes) - 1
    const stored = new StoredOperator(operator, form)
    await snapshot.restore(operator, block => stored.take(block), { groups: { first, last } })
    stored.countInto(found)
    const slots = stored.slotsByGroup
    for (let from = 0; from < slots.length; from += batchRows) {
      const batch = savedRows(stored, slots.subarray(from, from + batchRows))
      const message = new Uint8Array(ipcSize(template, batch))
      writeIpc(template, batch, message, 0)
      batches.push(file.bytes)
      file.append(message)
      rows += batch.rows
      await breathe()
    }
  }
  const { digests, path: place, epoch } = snapshot
  if (digests !== null)
    expectKeys({ operator, place, epoch }, digests.get(operator) ?? new KeyDigest(form.keyGroups), found)
  file.append(endOfStream)
  await file.end()
  const keys = encodeKeyGroups(found.whole(operator))
  return { operator, form: formToJson(form), file: file.name, rows, keys, batches }
}

function savedRows(stored: StoredOperator, slots: Int32Array): Batch {
  const { keys, state } = stored.rowsOf(slots)
  const groups = columnOf({ kind: 'int32' }, [...stored.groupsOf(slots)])
  return { schema: savedSchema(stored.form), rows: slots.length, columns: [groups, ...keys.columns, ...state.columns] }
}

class SavepointWriter {
  readonly files: Record<string, Savepoint['files'][string]> = {}
  private opened: SavedFile | null = null

  constructor(
    private readonly disk: Files,
    private readonly folder: string,
  ) {}

  file(name: string): SavedFile {
    this.opened = new SavedFile(name, this.disk.open(join(this.folder, name), 'create'), found => {
      this.files[name] = found
    })
    return this.opened
  }

  async whole(name: string, bytes: Uint8Array): Promise<void> {
    const file = this.file(name)
    file.append(bytes)
    await file.end()
  }

  close(): void {
    this.opened?.close()
  }
}

class SavedFile {
  bytes = 0
  private readonly digest = createHash('sha256')
  private closed = false

  constructor(
    readonly name: string,
    private readonly file: OpenFile,
    private readonly done: (found: Savepoint['files'][string]) => void,
  ) {}

  append(bytes: Uint8Array): void {
    this.file.append(bytes)
    this.digest.update(bytes)
    this.bytes += bytes.length
  }

  /** On the disk when it settles. */
  async end(): Promise<void> {
    await this.file.syncSoon()
    this.close()
    this.done({ bytes: this.bytes, sha256: this.digest.digest('hex') })
  }

  close(): void {
    if (!this.closed) this.file.close()
    this.closed = true
  }
}
