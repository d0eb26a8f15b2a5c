/** Arrow IPC: what is written reads back, reads in apache-arrow the same, and passes through pyarrow unchanged. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Data, tableFromIPC } from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Batch,
  type Column,
  batchFromRows,
  bitAt,
  emptyBatch,
  endOfStream,
  ipcSize,
  ipcTemplate,
  jsonRowsOf,
  readIpc,
  rowsOf,
  streamHeader,
  writeIpc,
} from '../../../src/batch/index.js'
import { type Schema, schemaFromJson } from '../../../src/schema/index.js'
import { anyBatch } from './arbitrary.js'
import { brokenPromise } from './shape.js'

const runs = { numRuns: 300, seed: 11 }

/** The message of a batch, alone. */
function messageOf(batch: Batch): Uint8Array {
  const template = ipcTemplate(batch.schema)
  const message = new Uint8Array(ipcSize(template, batch))
  expect(writeIpc(template, batch, message, 0)).toBe(message.length)
  return message
}

const streamOf = (schema: Schema, batches: readonly Batch[]): Uint8Array =>
  Buffer.concat([streamHeader(schema), ...batches.map(messageOf), endOfStream])

/** The messages of a stream behind its schema: pyarrow and we write lengths that say where the next one begins. */
function messagesOf(stream: Uint8Array): Uint8Array[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const found: Uint8Array[] = []
  let at = 0
  while (at + 8 <= stream.length && view.getInt32(at + 4, true) !== 0) {
    const body = at + 8 + view.getInt32(at + 4, true)
    const message = at + 8 + view.getUint32(at + 8, true)
    const vtable = message - view.getInt32(message, true)
    const place = view.getUint16(vtable, true) > 10 ? view.getUint16(vtable + 10, true) : 0
    const end = body + (place === 0 ? 0 : Number(view.getBigInt64(message + place, true)))
    found.push(new Uint8Array(stream.subarray(at, end)))
    at = end
  }
  return found.slice(1)
}

describe('a record batch message', () => {
  it('reads back as the batch that was written, for any schema', () => {
    fc.assert(
      fc.property(anyBatch(), ({ schema, rows, batch }) => {
        const back = readIpc(schema, messageOf(batch))
        expect(brokenPromise(back)).toBeNull()
        expect(rowsOf(back)).toEqual(rows)
      }),
      runs,
    )
  })

  it('is written where it is wanted, over whatever was there, and touches nothing else', () => {
    fc.assert(
      fc.property(anyBatch(), fc.nat(3), ({ batch }, blocks) => {
        const template = ipcTemplate(batch.schema)
        const size = ipcSize(template, batch)
        const target = new Uint8Array(size + 64 * blocks + 64).fill(0xaa)
        writeIpc(template, batch, target, 64 * blocks)
        expect(target.subarray(64 * blocks, 64 * blocks + size)).toEqual(messageOf(batch))
        expect(target.subarray(0, 64 * blocks).every(b => b === 0xaa)).toBe(true)
        expect(target.subarray(64 * blocks + size).every(b => b === 0xaa)).toBe(true)
      }),
      runs,
    )
  })

  it('reads the same from any alignment, with aligned columns', () => {
    fc.assert(
      fc.property(anyBatch(), fc.integer({ min: 1, max: 7 }), ({ schema, rows, batch }, shift) => {
        const message = messageOf(batch)
        const moved = new Uint8Array(message.length + 8).subarray(shift, shift + message.length)
        moved.set(message)
        const back = readIpc(ipcTemplate(schema), moved)
        expect(brokenPromise(back)).toBeNull()
        expect(rowsOf(back)).toEqual(rows)
      }),
      runs,
    )
  })

  it('has its buffers at multiples of 64', () => {
    const schema = schemaFromJson([
      ['a', 'int8'],
      ['b', 'utf8'],
    ])
    const message = messageOf(batchFromRows(schema, [{ a: 1, b: 'x' }, { a: null }]))
    const parts = readIpc(schema, message).columns.flatMap(c => [c.validity ?? [], c.offsets ?? [], c.values].flat())
    expect(parts.map(part => part.buffer === message.buffer)).toEqual([true, true, true, true, true])
    expect(parts.map(part => part.byteOffset % 64)).toEqual([0, 0, 0, 0, 0])
    expect(message.length % 64).toBe(0)
  })

  it('leaves out the validity of a column without nulls', () => {
    const schema = schemaFromJson([['a', 'int64']])
    const full = messageOf(batchFromRows(schema, Array(1000).fill({ a: 1 })))
    const holed = messageOf(batchFromRows(schema, [...Array(999).fill({ a: 1 }), { a: null }]))
    expect(holed.length - full.length).toBe(128)
  })

  it('of more rows than the limit is refused, as of more bytes', () => {
    const schema = schemaFromJson([['a', 'int64']])
    const message = messageOf(batchFromRows(schema, Array(100).fill({ a: 1 })))
    expect(readIpc(schema, message, { rowsMax: 100, bytesMax: message.length }).rows).toBe(100)
    expect(() => readIpc(schema, message, { rowsMax: 99 })).toThrow('100 rows, more than the limit')
    expect(() => readIpc(schema, message, { bytesMax: message.length - 1 })).toThrow('more than the limit')
  })

  it('with a null in a required column is refused by name', () => {
    const schema = schemaFromJson([['a', 'int64']])
    const message = messageOf(batchFromRows(schema, [{ a: null }]))
    const required = schemaFromJson([['a', 'int64', { required: true }]])
    expect(() => readIpc(required, message)).toThrow('column "a" has nulls, but is required')
  })
})

/** Arrays of ours and of apache-arrow hold the same: lengths, nulls, offsets, the bytes of values. */
function expectSame(ours: Column, theirs: Data): void {
  expect(theirs.length).toBe(ours.length)
  expect(theirs.nullCount).toBe(ours.nullCount)
  for (let i = 0; i < ours.length; i++) {
    const valid = ours.validity === null || bitAt(ours.validity, i) === 1
    expect(theirs.getValid(i)).toBe(valid)
  }
  if (ours.offsets !== null) {
    expect(Array.from(theirs.valueOffsets).slice(0, ours.length + 1)).toEqual(Array.from(ours.offsets))
  }
  if (theirs.values?.buffer !== undefined && ours.values.length > 0) {
    const bytes = new Uint8Array(theirs.values.buffer, theirs.values.byteOffset, theirs.values.byteLength)
    expect(bytes.subarray(0, ours.values.length)).toEqual(ours.values)
  }
  expect(theirs.children.length).toBe(ours.children.length)
  for (const [c, child] of ours.children.entries()) {
    const other = theirs.children[c]
    if (other !== undefined) expectSame(child, other)
  }
}

describe('apache-arrow', () => {
  it('reads a stream of ours as we do, for any schema', () => {
    const many = anyBatch().filter(({ batch }) => batch.rows > 0)
    fc.assert(
      fc.property(many, ({ schema, batch }) => {
        const table = tableFromIPC(streamOf(schema, [batch]))
        const back = readIpc(schema, messageOf(batch))
        expect(table.schema.fields.map(f => f.name)).toEqual(schema.fields.map(f => f.name))
        for (const [c, column] of back.columns.entries()) {
          const theirs = table.batches[0]?.data.children[c]
          expect(theirs).toBeDefined()
          if (theirs !== undefined) expectSame(column, theirs)
        }
      }),
      runs,
    )
  })

  it('sees names, nullability, time zones and metadata of a schema', () => {
    const schema = schemaFromJson([
      ['at', 'timestamp[us, Europe/Berlin]', { required: true }],
      ['m', 'map<utf8, struct<"odd name": decimal128(9, 3), l: list<duration[ns]>>>'],
    ])
    const read = tableFromIPC(Buffer.concat([streamHeader(schema, { 'écrit par': 'anabranch' }), endOfStream])).schema
    expect(String(read)).toContain('Timestamp<MICROSECOND, Europe/Berlin>')
    expect(read.fields.map(f => f.nullable)).toEqual([false, true])
    expect([...read.metadata]).toEqual([['écrit par', 'anabranch']])
    const [entries] = read.fields[1]?.type.children ?? []
    expect(entries?.nullable).toBe(false)
    expect(entries?.type.children.map((f: { name: string; nullable: boolean }) => [f.name, f.nullable])).toEqual([
      ['key', false],
      ['value', true],
    ])
  })
})

/** Reads each stream, checks it in full, and writes each batch anew: rebuilt, and as a slice of a larger one. */
const throughPython = `
import pathlib, sys, pyarrow as pa
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.arrows")):
    with pa.ipc.open_stream(path.read_bytes()) as reader:
        schema, batches = reader.schema, list(reader)
    with pa.ipc.new_stream(str(path) + ".out", schema) as writer:
        for batch in batches:
            batch.validate(full=True)
            halves = [batch.slice(0, len(batch) // 2), batch.slice(len(batch) // 2)]
            rebuilt = pa.Table.from_batches(halves).combine_chunks().to_batches()
            writer.write_batch(rebuilt[0] if rebuilt else batch)
            twice = pa.Table.from_batches([batch, batch]).combine_chunks().to_batches()
            writer.write_batch(twice[0].slice(len(batch)) if twice else batch)
`

describe('pyarrow', () => {
  it('validates streams of ours in full, and writes them anew with the same rows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'anabranch-ipc-'))
    try {
      const samples = fc.sample(anyBatch(), { numRuns: 120, seed: 13 })
      samples.forEach(({ schema, batch }, i) => {
        writeFileSync(join(folder, `${i}.arrows`), streamOf(schema, [batch, emptyBatch(schema)]))
      })
      const python = process.env['ANABRANCH_PYTHON'] ?? '.venv/bin/python'
      const run = spawnSync(python, ['-c', throughPython, folder], { encoding: 'utf8' })
      expect(run.stderr).toBe('')
      for (const [i, { schema, rows }] of samples.entries()) {
        const messages = messagesOf(readFileSync(join(folder, `${i}.arrows.out`)))
        expect(messages.length).toBe(4)
        const batches = messages.map(m => readIpc(schema, m))
        expect(batches.map(brokenPromise)).toEqual([null, null, null, null])
        expect(batches.map(rowsOf)).toEqual([rows, rows, [], []])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the golden stream of all types', () => {
  const golden = JSON.parse(readFileSync('test/golden/ipc-all-types.json', 'utf8'))
  const schema = schemaFromJson(golden.schema)

  it('is what we write, to the byte', () => {
    const batch = batchFromRows(schema, golden.rows)
    expect(Buffer.from(streamOf(schema, [batch])).toString('base64')).toBe(golden.stream)
  })

  it('reads as its rows', () => {
    const [message] = messagesOf(Buffer.from(golden.stream, 'base64'))
    expect(jsonRowsOf(readIpc(schema, message ?? new Uint8Array(0)))).toEqual(golden.rows)
  })
})
