/**
 * Reading a savepoint that somebody else copied, cut or edited: every file is held against its length and digest before a row
 * of it is used. Nothing is written.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type Files, type OpenFile, StateError, invariant } from '../base/index.js'
import { type Batch, type IpcTemplate, asInt32, bitmapBytes, ipcTemplate, readIpc, slice } from '../batch/index.js'
import { KeyDigest, type SavedRows, type StateForm } from '../state/index.js'
import { decodeKeyGroups } from '../state/stores/index.js'
import { type Base } from './base.js'
import {
  type SavedOperator,
  type Savepoint,
  damaged,
  decodeSavepoint,
  formOf,
  savedSchema,
  savepointFile,
} from './savepoint.js'

const chunkBytes = 1 << 20
/** Of rows that are given at once: whoever takes them has copies on their way. */
const rowsBytes = 2 << 20

/** What it says of itself, without a look at its other files. @throws StateError ANB6030, ANB6031, ANB6034 */
export function readSavepoint(files: Files, path: string): Savepoint {
  const file = join(path, savepointFile)
  return decodeSavepoint(
    path,
    reading(path, savepointFile, () => {
      if (files.stat(path) === undefined) throw new StateError('ANB6034', `there is no savepoint ${path}`)
      if (files.stat(file) === undefined && files.stat(join(path, 'operators')) === undefined)
        throw new StateError('ANB6034', `${path} is no savepoint: it has no ${savepointFile}`)
      return files.readText(file)
    }),
  )
}

/** Every byte was looked at when it returns. @throws StateError as `readSavepoint` */
export function openSavepoint(files: Files, path: string): Base & { readonly savepoint: Savepoint } {
  const savepoint = readSavepoint(files, path)
  for (const [name, { bytes, sha256 }] of Object.entries(savepoint.files)) {
    const found = reading(path, name, () => digestOf(files, join(path, name)))
    if (found.bytes !== bytes) throw damaged(path, `${name} has ${found.bytes} bytes of ${bytes}`)
    if (found.sha256 !== sha256) throw damaged(path, `${name} has another digest than was written`)
  }
  const operators = savepoint.operators.map(saved => ({
    operator: saved.operator,
    form: formOf(saved),
    rows: saved.rows,
  }))
  const saved: Base['saved'] = async (operator, into) => {
    const found = savepoint.operators.find(each => each.operator === operator)
    if (found === undefined) return
    await readRows(files, { path, saved: found, bytes: savepoint.files[found.file]?.bytes ?? 0 }, into)
  }
  return {
    savepoint,
    record: savepoint.epoch,
    operators,
    digests: digestsOf(savepoint),
    place: `savepoint ${path}`,
    saved,
    restore: saved,
    restoreBeyond: () => Promise.resolve(),
    coldRowsOf: () => 0,
    release: () => undefined,
  }
}

function digestsOf({ operators }: Savepoint): Base['digests'] {
  const counted = operators.flatMap(({ operator, form, keys }) => {
    if (keys === null) return []
    const digest = new KeyDigest(form.keyGroups)
    digest.set(decodeKeyGroups(operator, form.keyGroups, keys))
    return [[operator, digest] as const]
  })
  return counted.length < operators.length ? null : new Map(counted)
}

async function readRows(
  files: Files,
  { path, saved, bytes }: { readonly path: string; readonly saved: SavedOperator; readonly bytes: number },
  into: (form: StateForm, rows: SavedRows) => Promise<void> | void,
): Promise<void> {
  const form = formOf(saved)
  const template = ipcTemplate(savedSchema(form))
  const file = reading(path, saved.file, () => files.open(join(path, saved.file), 'read'))
  try {
    for (const [i, from] of saved.batches.entries()) {
      const to = saved.batches[i + 1] ?? bytes
      const rows = reading(path, saved.file, () => readBatch(template, file, { from, to }))
      const atOnce = Math.max(1, Math.ceil((rows.rows * rowsBytes) / Math.max(rowsBytes, to - from)))
      for (let row = 0; row < rows.rows; row += atOnce)
        await into(form, savedRows(form, slice(rows, row, Math.min(rows.rows, row + atOnce))))
    }
  } finally {
    file.close()
  }
}

function readBatch(
  template: IpcTemplate,
  file: OpenFile,
  { from, to }: { readonly from: number; readonly to: number },
): Batch {
  const message = new Uint8Array(to - from)
  for (let at = 0; at < message.length; ) {
    const read = file.read(message.subarray(at), from + at)
    if (read === 0) break
    at += read
  }
  return readIpc(template, message)
}

function savedRows({ key, state }: StateForm, { rows, columns }: Batch): SavedRows {
  const firstState = 1 + key.fields.length
  const [groups] = columns
  invariant(groups !== undefined, 'the first column of a savepoint is the key group')
  return {
    epoch: 0,
    bytes: 0,
    keys: { schema: key, rows, columns: columns.slice(1, firstState) },
    state: { schema: state, rows, columns: columns.slice(firstState) },
    deleted: new Uint8Array(bitmapBytes(rows)),
    groups: Uint16Array.from(asInt32(groups.values).subarray(0, rows)),
  }
}

function digestOf(files: Files, path: string): { readonly bytes: number; readonly sha256: string } {
  const file = files.open(path, 'read')
  const digest = createHash('sha256')
  const chunk = new Uint8Array(chunkBytes)
  let bytes = 0
  try {
    for (;;) {
      const read = file.read(chunk, bytes)
      if (read === 0) return { bytes, sha256: digest.digest('hex') }
      digest.update(chunk.subarray(0, read))
      bytes += read
    }
  } finally {
    file.close()
  }
}

function reading<T>(path: string, name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause && 'syscall' in cause ? String(cause.code) : null
    if (code === null) throw cause
    if (code === 'ENOENT') throw new StateError('ANB6030', `savepoint ${path} lacks ${name}`, { cause })
    throw new StateError('ANB6034', `savepoint ${path} cannot be read: ${code} at ${name}`, { cause })
  }
}
