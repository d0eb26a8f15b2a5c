/**
 * The epoch log of a sink, `DIR/state/log/<sink>/`: one file an epoch, of the rows that go to an outside system when the epoch is
 * decided. Each batch is an Arrow record batch behind its length and checksum, both 32 bits, little-endian. A file goes when its
 * epoch is applied.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Batch, ipcSize, ipcTemplate, readIpc, writeIpc } from '../../batch/index.js'
import { type Files, type OpenFile, StateError, failpoint } from '../../base/index.js'
import { type Schema } from '../../schema/index.js'
import { makeLasting } from '../atomic.js'
import { reading, writing, writingAsync } from '../io-error.js'

const headBytes = 8

/** How much of an epoch is in the log. */
export interface Logged {
  readonly rows: number
  readonly bytes: number
}

export class EpochLog {
  private file: OpenFile | null = null
  private rows = 0
  private bytes = 0
  private frame = new Uint8Array(0)
  private readonly template: ReturnType<typeof ipcTemplate>

  constructor(
    private readonly files: Files,
    private readonly folder: string,
    private readonly schema: Schema,
  ) {
    this.template = ipcTemplate(schema)
  }

  /** Removes the files of other epochs than those behind `applied` up to `prepared`. */
  open({ applied, prepared }: { readonly applied: number; readonly prepared: number }): void {
    writing(this.folder, () => makeLasting(this.files, this.folder))
    for (const name of writing(this.folder, () => this.files.list(this.folder))) {
      const epoch = Number(/^epoch-(\d+)\.rows$/.exec(name)?.[1] ?? Number.NaN)
      if (epoch <= applied || epoch > prepared) writing(name, () => this.files.remove(join(this.folder, name)))
    }
  }

  /** Adds rows to the epoch that is written; they are copied. */
  add(epoch: number, batch: Batch): void {
    const path = this.pathOf(epoch)
    const size = headBytes + ipcSize(this.template, batch)
    if (this.frame.length < size) this.frame = new Uint8Array(size)
    const end = headBytes + writeIpc(this.template, batch, this.frame, headBytes)
    const head = new DataView(this.frame.buffer)
    head.setUint32(0, end - headBytes, true)
    head.setUint32(4, crc32(this.frame.subarray(headBytes, end)), true)
    writing(path, () => {
      this.file ??= this.files.open(path, 'create')
      this.file.append(this.frame.subarray(0, end))
    })
    this.rows += batch.rows
    this.bytes += end
  }

  /** Closes the epoch that is written; what it holds is on the disk when it settles. */
  async seal(): Promise<Logged> {
    const { file, rows, bytes } = this
    this.file = null
    this.rows = 0
    this.bytes = 0
    if (file !== null) {
      await writingAsync(this.folder, () => file.syncSoon()).finally(() => file.close())
      writing(this.folder, () => this.files.syncDirectory(this.folder))
    }
    return { rows, bytes }
  }

  /** The rows of an epoch, as often as they are asked for. Throws a StateError (ANB6020) where they are gone or damaged. */
  read(epoch: number, { bytes }: Logged): Iterable<Batch> {
    if (bytes === 0) return []
    const { files, schema } = this
    const path = this.pathOf(epoch)
    const found = files.stat(path)?.bytes ?? 0
    if (found < bytes) throw gone(path, `it must have ${bytes} bytes and has ${found}`)
    return {
      *[Symbol.iterator]() {
        const file = reading(path, () => files.open(path, 'read'))
        try {
          for (let at = 0; at < bytes; ) {
            const [batch, next] = batchAt(file, path, { at, end: bytes, schema })
            yield batch
            at = next
          }
        } finally {
          file.close()
        }
      },
    }
  }

  /** An epoch that is applied is not needed any more. */
  trim(epoch: number): void {
    const path = this.pathOf(epoch)
    failpoint('log.trim', 'before')
    if (this.files.stat(path) !== undefined) writing(path, () => this.files.remove(path))
    failpoint('log.trim', 'after')
  }

  close(): void {
    this.file?.close()
    this.file = null
  }

  private pathOf(epoch: number): string {
    return join(this.folder, `epoch-${epoch}.rows`)
  }
}

function batchAt(
  file: OpenFile,
  path: string,
  { at, end, schema }: { readonly at: number; readonly end: number; readonly schema: Schema },
): readonly [Batch, number] {
  const head = new DataView(bytesAt(file, path, at, headBytes).buffer)
  const length = head.getUint32(0, true)
  const next = at + headBytes + length
  if (next > end) throw gone(path, `a batch at byte ${at} is cut off`)
  const bytes = bytesAt(file, path, at + headBytes, length)
  if (crc32(bytes) !== head.getUint32(4, true)) throw gone(path, `the checksum of the batch at byte ${at} does not fit`)
  return [readIpc(schema, bytes), next]
}

function bytesAt(file: OpenFile, path: string, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const read = reading(path, () => file.read(bytes, at))
  if (read < length) throw gone(path, `it ends at byte ${at + read}`)
  return bytes
}

const gone = (path: string, what: string): StateError =>
  new StateError('ANB6020', `rows of an epoch in "${path}" cannot be read: ${what}`, {
    detail: 'The epoch was decided, so its rows must go out. Nothing was written.',
    hint: 'restore the folder state as a whole, or start again with another --out',
  })
