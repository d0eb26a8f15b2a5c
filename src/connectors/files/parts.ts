/**
 * Parts: files that grow in staging and become whole. A part of encoded bytes is what it will be; a part of a table is
 * an Arrow stream that a Python process of ours converts, which can be repeated when that process dies.
 */
import { dirname, join } from 'node:path'
import { type Batch, endOfStream, ipcSize, ipcTemplate, streamHeader, writeIpc } from '../../batch/index.js'
import { type Files, type OpenFile } from '../../base/index.js'
import { type Encoder } from '../../formats/index.js'
import { type Schema } from '../../schema/index.js'
import { type TableWork } from '../contract.js'
import { writing, writingAsync } from '../io-error.js'

/** Bytes after which a file is synced on the way, so that sealing a large one does not stop the host for long. */
const syncEvery = 32 * 1024 * 1024

export interface Part {
  /** `part-00000.jsonl`: its name when it is whole. */
  readonly name: string
  readonly rows: number
  /** Bytes in staging: Arrow's for tables, before compression. */
  readonly bytes: number
  write(batch: Batch): void
  /** Nothing more comes; settles when the whole file lies in staging under its name, synced. */
  seal(): Promise<void>
  /** Lets go of it; can be called twice. */
  close(): void
}

/** Makes part number `n`, in a folder of a partition or in none. */
export type PartMaker = (n: number, folder: string) => Part

const partName = (n: number, folder: string, extension: string): string =>
  `${folder}part-${String(n).padStart(5, '0')}.${extension}`

export function encodedParts(options: {
  readonly files: Files
  readonly staging: string
  readonly encoder: Encoder
  readonly extension: string
}): PartMaker {
  const { files, staging, encoder, extension } = options
  return (n, folder) => {
    const name = partName(n, folder, extension)
    const file = new StagedFile(files, join(staging, name), syncEvery)
    if (encoder.head.length > 0) file.append(encoder.head)
    return new FilePart(
      name,
      file,
      batch => file.append(encoder.encode(batch)),
      () => file.seal(),
    )
  }
}

export function tableParts(options: {
  readonly files: Files
  readonly staging: string
  readonly schema: Schema
  readonly tables: TableWork
  readonly extension: string
}): PartMaker {
  const { files, staging, schema, tables, extension } = options
  const template = ipcTemplate(schema)
  const header = streamHeader(schema)
  let frame = new Uint8Array(0)
  return (n, folder) => {
    const name = partName(n, folder, extension)
    const from = join(staging, `${name}.stream`)
    // What is converted from it is synced; it can be made again until then.
    const file = new StagedFile(files, from, Number.POSITIVE_INFINITY)
    file.append(header)
    const write = (batch: Batch): void => {
      const size = ipcSize(template, batch)
      if (frame.length < size) frame = new Uint8Array(size)
      file.append(frame.subarray(0, writeIpc(template, batch, frame, 0)))
    }
    const seal = async (): Promise<void> => {
      file.append(endOfStream)
      file.close()
      const to = join(staging, name)
      // Made here, so that it may be read by whom this process lets read; a process of ours keeps what it makes private.
      writing(to, () => files.open(to, 'create').close())
      await writingAsync(to, () => tables.write({ from, to }))
      writing(from, () => files.remove(from))
    }
    return new FilePart(name, file, write, seal)
  }
}

class FilePart implements Part {
  rows = 0
  constructor(
    readonly name: string,
    private readonly file: StagedFile,
    private readonly put: (batch: Batch) => void,
    readonly seal: () => Promise<void>,
  ) {}

  get bytes(): number {
    return this.file.bytes
  }

  write(batch: Batch): void {
    this.put(batch)
    this.rows += batch.rows
  }

  close(): void {
    this.file.close()
  }
}

class StagedFile {
  bytes = 0
  private readonly file: OpenFile
  private syncAt: number
  private syncing = 0
  /** Rejects for good where a sync was refused: the disk says so once, and what was written before it may be gone. */
  private synced: Promise<void> = Promise.resolve()
  private open = true

  constructor(
    files: Files,
    private readonly path: string,
    /** Bytes after which it is synced on the way. */
    private readonly syncEvery: number,
  ) {
    this.syncAt = syncEvery
    writing(path, () => files.makeDirectory(dirname(path)))
    this.file = writing(path, () => files.open(path, 'create'))
  }

  append(bytes: Uint8Array): void {
    writing(this.path, () => this.file.append(bytes))
    this.bytes += bytes.length
    if (this.bytes >= this.syncAt && this.syncing === 0) void this.sync().catch(() => undefined)
  }

  /** All of it is on the disk, or it throws. */
  async seal(): Promise<void> {
    await this.sync()
    this.close()
  }

  close(): void {
    if (!this.open) return
    this.open = false
    const close = (): void => writing(this.path, () => this.file.close())
    if (this.syncing > 0) void this.synced.finally(close).catch(() => undefined)
    else close()
  }

  private sync(): Promise<void> {
    this.syncAt = this.bytes + this.syncEvery
    this.syncing += 1
    this.synced = this.synced
      .then(() => writingAsync(this.path, () => this.file.syncSoon()))
      .finally(() => {
        this.syncing -= 1
      })
    return this.synced
  }
}
