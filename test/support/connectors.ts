/**
 * Folders, rows and a stand-in for Parquet: what tests of connectors share. The stand-in has Parquet's first and last
 * bytes around JSON, so that a test of what surrounds Parquet starts no Python.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { onTestFinished } from 'vitest'
import { type Batch } from '../../src/batch/index.js'
import { AnabranchError, type Clock, type Files, type Observer } from '../../src/base/index.js'
import { type TableWork, type Polled, type Source } from '../../src/connectors/index.js'
import { type Decoder, decoderOf, jsonDecoder, jsonEncoder } from '../../src/formats/index.js'
import { type CsvDialect, type FormatNode, type SinkFormatNode } from '../../src/plan/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
import { type Schema, type SchemaJson, schemaFromJson, schemaToJson } from '../../src/schema/index.js'

export type Row = Readonly<Record<string, unknown>>

export const numbered: SchemaJson = [
  ['n', 'int32'],
  ['word', 'utf8'],
]
export const numberedSchema = schemaFromJson(numbered)
export const numberedRows = (from: number, to: number): readonly Row[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i, word: `word ${from + i}` }))

/** How CSV is written down where nobody says otherwise. */
export const plainCsv: CsvDialect = { header: true, delimiter: ',', quote: '"', nullValue: '' }
export const sinkFormat = (kind: Exclude<SinkFormatNode['kind'], 'custom'>): SinkFormatNode =>
  kind === 'csv' ? { kind, ...plainCsv } : kind === 'avro' ? { kind, codec: 'deflate' } : { kind }

export const linesOf = (rows: readonly Row[]): string => rows.map(row => `${JSON.stringify(row)}\n`).join('')

/** A folder of this test, removed after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'connectors-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files by their relative paths; a path that ends with a slash is a folder. */
export function lay(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true })
    if (!name.endsWith('/')) writeFileSync(path, content)
  }
}

/** All files below a folder by their relative paths, in order. */
export const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

export const readRows = (path: string): readonly Row[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map((line): Row => JSON.parse(line) as Row)

export function batchOf(schema: Schema, rows: readonly Row[]): Batch {
  const [batch] = decodeAll(jsonDecoder(schema), Buffer.from(linesOf(rows)), Math.max(1, rows.length))
  return batch ?? { schema, rows: 0, columns: [] }
}

/** The rows of the bytes of a whole file. */
export function rowsOfBytes(format: FormatNode, bytes: Uint8Array): readonly Row[] {
  const decoder = decoderOf(format)?.()
  if (decoder === undefined) throw new TypeError(`${format.kind} has no decoder`)
  return decodeAll(decoder, bytes, 1000).flatMap(rowsIn)
}

function decodeAll(decoder: Decoder, bytes: Uint8Array, rowsMax: number): readonly Batch[] {
  decoder.space(bytes.length).set(bytes)
  decoder.filled(bytes.length)
  decoder.finish()
  const batches: Batch[] = []
  for (let part = decoder.next(rowsMax); part !== null; part = decoder.next(rowsMax)) batches.push(part.batch)
  return batches
}

export const rowsIn = (batch: Batch): readonly Row[] =>
  Buffer.from(jsonEncoder(batch.schema).encode(batch))
    .toString()
    .split('\n')
    .filter(line => line !== '')
    .map((line): Row => JSON.parse(line) as Row)

/** Everything that a source gives until it ends. */
export async function drainAll(source: Source, rowsMax = 1000): Promise<readonly Polled[]> {
  const all: Polled[] = []
  for (;;) {
    const polled = await source.poll({ rowsMax, bytesMax: 1 << 20 })
    if (polled === null) return all
    all.push(polled)
  }
}

export const rowsOfAll = (polled: readonly Polled[]): readonly Row[] => polled.flatMap(one => rowsIn(one.batch))

/** `split:position` of each row, as a dead letter would name it. */
export const placesOf = (polled: readonly Polled[]): readonly string[] =>
  polled.flatMap(({ batch, split, firstPosition, positions }) =>
    Array.from({ length: batch.rows }, (_, i) => `${split}:${positions?.[i] ?? firstPosition + i}`),
  )

/** The error of ours that the work ends with. */
export async function refusal(work: () => unknown): Promise<AnabranchError> {
  const caught: unknown = await Promise.resolve()
    .then(work)
    .then(
      () => null,
      (error: unknown) => error,
    )
  if (caught instanceof AnabranchError) return caught
  throw new Error(`expected a refusal, ${String(caught)} came`)
}

/** A clock that moves only when the test says so. */
export class HandClock implements Clock {
  private now = 0
  private readonly waiting = new Set<{ readonly at: number; readonly ring: () => void }>()
  nowMs = (): number => this.now
  wallMs = (): number => Date.UTC(2026, 0, 1) + this.now
  soon = (ring: () => void): void => {
    this.after(0, ring)
  }
  after = (ms: number, ring: () => void): (() => void) => {
    const entry = { at: this.now + ms, ring }
    this.waiting.add(entry)
    return () => void this.waiting.delete(entry)
  }
  advance(ms: number): void {
    this.now += ms
    for (const entry of [...this.waiting]) {
      if (entry.at > this.now) continue
      this.waiting.delete(entry)
      entry.ring()
    }
  }
}

/** The real files, with one step that throws where `fails` answers an errno for it. */
export function failingFiles(fails: (step: string, path: string) => string | null): Files {
  const check = (step: string, path: string): void => {
    const errno = fails(step, path)
    if (errno === null) return
    const text = { ENOSPC: 'no space left on device', EACCES: 'permission denied', EIO: 'i/o error' }[errno] ?? errno
    throw Object.assign(new Error(`${errno}: ${text}, ${step}`), { code: errno })
  }
  return {
    ...realFiles,
    open: (path, mode) => {
      check('open', path)
      const file = realFiles.open(path, mode)
      return {
        ...file,
        append: bytes => {
          check('write', path)
          file.append(bytes)
        },
        sync: () => {
          check('fsync', path)
          file.sync()
        },
        syncSoon: async () => {
          check('fsync', path)
          await file.syncSoon()
        },
      }
    },
    rename: (from, to) => {
      check('rename', to)
      realFiles.rename(from, to)
    },
  }
}

export function listening(): Observer & { readonly lines: string[] } {
  const lines: string[] = []
  return { lines, count: () => undefined, log: (_, message) => void lines.push(message) }
}

interface StandIn {
  readonly schema: readonly (readonly [string, string | null])[]
  readonly groups: readonly (readonly Row[])[]
}

/** Bytes of a stand-in of Parquet. */
export function standInParquet(schema: SchemaJson, groups: readonly (readonly Row[])[]): Buffer {
  const content: StandIn = { schema: schema.map(([name, type]) => [name, type]), groups }
  const body = Buffer.from(JSON.stringify(content))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  return Buffer.concat([Buffer.from('PAR1'), body, length, Buffer.from('PAR1')])
}

export function readStandIn(path: string): StandIn {
  const bytes = readFileSync(path)
  return JSON.parse(bytes.subarray(4, bytes.length - 8).toString()) as StandIn
}

/** Reads and writes the stand-in; `log` says what was asked, in order. */
export function standInWork(schema: Schema): TableWork & { readonly log: string[] } {
  const log: string[] = []
  return {
    log,
    async inspect(path) {
      log.push(`inspect ${path.split('/').at(-1)}`)
      const { schema: columns, groups } = readStandIn(path)
      const rowGroups = groups.map((rows, index) => ({ rows: rows.length, bytes: 100 * rows.length, index, first: 0 }))
      return { rows: groups.flat().length, rowGroups, schema: columns }
    },
    async read({ path, rowGroup, columns }) {
      log.push(`read ${path.split('/').at(-1)} ${rowGroup} ${columns.join(',')}`)
      const wanted = { fields: schema.fields.filter(field => columns.includes(field.name)) }
      const rows = readStandIn(path).groups[rowGroup] ?? []
      const half = Math.ceil(rows.length / 2)
      return { batches: [rows.slice(0, half), rows.slice(half)].map(part => batchOf(wanted, part)), loan: undefined }
    },
    async write({ from, to }) {
      log.push(`write ${to.split('/').at(-1)}`)
      const table = tableFromIPC(readFileSync(from))
      const rows = table.toArray().map((row: { toJSON(): Row }) => row.toJSON())
      writeFileSync(to, standInParquet(schemaToJson(schema), [rows]))
    },
  }
}
