/**
 * Parts: files that grow in staging and become whole. A part of encoded bytes is what it will be; a part of a table is
 * an Arrow stream that a Python process of ours converts, which can be repeated when that process dies.
 *
 * Both can be cut off behind any batch, so a part goes on after a crash at the length that was prepared.
 */
import { join } from 'node:path'
import { type Batch, endOfStream, ipcSize, ipcTemplate, streamHeader, writeIpc } from '../../batch/index.js'
import { type Files } from '../../base/index.js'
import { type Encoder } from '../../formats/index.js'
import { type Schema } from '../../schema/index.js'
import { type TableWork } from '../contract.js'
import { writing, writingAsync } from '../io-error.js'
import { type StagedFile, type Staging, type Sum } from './staging.js'

/** Bytes after which a file is synced on the way, so that sealing a large one does not stop the host for long. */
const syncEvery = 32 * 1024 * 1024

/** What is known of a part: enough to go on with it. */
export interface PartState extends Sum {
  /** `part-00000.jsonl`, in the folder of a partition or in none: its name when it is whole. */
  readonly name: string
  readonly rows: number
  /** Bytes in staging: Arrow's for tables, before compression. */
  readonly bytes: number
}

export interface Part extends PartState {
  write(batch: Batch): void
  /** What was written before the call is on the disk when it settles. */
  sync(): Promise<void>
  /** Nothing more comes; settles when all of it is on the disk. What is whole only after a conversion need not be `durable`. */
  seal(durable: boolean): Promise<void>
  /** Lets go of it; can be called twice. */
  close(): void
}

/** The parts of a sink. */
export interface Parts {
  /** Part number `n`, in a folder of a partition or in none. */
  begin(n: number, folder: string): Part
  /** Goes on with a part; what was written to it since then is gone. Throws a StateError (ANB6020) where bytes are missing. */
  resume(state: PartState): Part
  /** Makes a whole file, synced, in staging under the part's name of what was sealed. The same again changes nothing. */
  complete(state: PartState): Promise<void>
  /** The file in staging of a part that is not whole. */
  stagedName(name: string): string
}

const partName = (n: number, folder: string, extension: string): string =>
  `${folder}part-${String(n).padStart(5, '0')}.${extension}`

/** `12` of `dt=1/part-00012.jsonl`. */
export const numberOf = (name: string): number => Number(/part-(\d+)\.[^/]*$/.exec(name)?.[1] ?? -1)

export function encodedParts(options: {
  readonly staging: Staging
  readonly encoder: Encoder
  readonly extension: string
}): Parts {
  const { staging, encoder, extension } = options
  const put = (file: StagedFile) => (batch: Batch) => file.append(encoder.encode(batch))
  return {
    begin: (n, folder) => {
      const name = partName(n, folder, extension)
      const file = staging.create(name, syncEvery)
      if (encoder.head.length > 0) file.append(encoder.head)
      return new FilePart(name, file, put(file))
    },
    resume: ({ name, rows, ...sum }) => {
      const file = staging.resume(name, sum, syncEvery)
      return new FilePart(name, file, put(file), rows)
    },
    complete: async ({ name, bytes }) => staging.expect(name, bytes),
    stagedName: name => name,
  }
}

export function tableParts(options: {
  readonly files: Files
  readonly staging: Staging
  readonly schema: Schema
  readonly tables: TableWork
  readonly extension: string
}): Parts {
  const { files, staging, schema, tables, extension } = options
  const template = ipcTemplate(schema)
  const header = streamHeader(schema)
  const streamOf = (name: string): string => `${name}.stream`
  let frame = new Uint8Array(0)
  const put = (file: StagedFile) => (batch: Batch) => {
    const size = ipcSize(template, batch)
    if (frame.length < size) frame = new Uint8Array(size)
    file.append(frame.subarray(0, writeIpc(template, batch, frame, 0)))
  }
  return {
    begin: (n, folder) => {
      const name = partName(n, folder, extension)
      // What is converted from it is synced on its own; only an epoch needs the stream on the disk.
      const file = staging.create(streamOf(name), Number.POSITIVE_INFINITY)
      file.append(header)
      return new FilePart(name, file, put(file), 0, endOfStream)
    },
    resume: ({ name, rows, ...sum }) => {
      const file = staging.resume(streamOf(name), sum, Number.POSITIVE_INFINITY)
      return new FilePart(name, file, put(file), rows, endOfStream)
    },
    complete: async ({ name, bytes }) => {
      staging.expect(streamOf(name), bytes)
      const from = join(staging.folder, streamOf(name))
      const to = join(staging.folder, name)
      // Made here, so that it may be read by whom this process lets read; a process of ours keeps what it makes private.
      writing(to, () => files.open(to, 'create').close())
      await writingAsync(to, () => tables.write({ from, to }))
    },
    stagedName: streamOf,
  }
}

class FilePart implements Part {
  constructor(
    readonly name: string,
    private readonly file: StagedFile,
    private readonly put: (batch: Batch) => void,
    public rows: number = 0,
    /** Of what is converted. */
    private readonly tail: Uint8Array | null = null,
  ) {}

  get bytes(): number {
    return this.file.bytes
  }

  get crc32(): number | null {
    return this.file.crc32
  }

  write(batch: Batch): void {
    this.put(batch)
    this.rows += batch.rows
  }

  sync(): Promise<void> {
    return this.file.sync()
  }

  async seal(durable: boolean): Promise<void> {
    if (this.tail !== null) this.file.append(this.tail)
    if (durable || this.tail === null) await this.file.sync()
    this.close()
  }

  close(): void {
    this.file.close()
  }
}
