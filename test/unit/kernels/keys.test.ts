/** Key kernels: the WebAssembly form and the plain twin leave the same bytes in the same memory. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  HeapMemory,
  type KeyKernels,
  keyKernels,
  pageBytes,
  plainKeyKernels,
  wasmMemory,
} from '../../../src/kernels/index.js'

const pages = 4
/** Lists of up to 64 numbers, and larger places, in one memory. */
const at = {
  keys: 1024,
  hashes: 2048,
  slots: 4096,
  fresh: 6008,
  starts: 8192,
  lengths: 9216,
  cursors: 10_240,
  offsets: 11_264,
  validity: 12_288,
  values: 16_384,
  bySlot: 32_768,
  table: 65_536,
  arena: 98_304,
  tail: 163_840,
} as const
const mask = 255

/** Runs the same calls over equal memories and compares what they answer and leave. */
function expectTwins(
  fill: (bytes: Uint8Array, words: Uint32Array) => void,
  calls: (kernels: KeyKernels) => unknown,
): void {
  const wasm = wasmMemory(pages)
  const heap = new HeapMemory(pages)
  if (wasm === null) throw new Error('this platform has WebAssembly')
  const answers = [wasm, heap].map(memory => {
    fill(new Uint8Array(memory.buffer), new Uint32Array(memory.buffer))
    return calls(memory === wasm ? keyKernels(wasm) : plainKeyKernels(memory))
  })
  expect(answers[0]).toEqual(answers[1])
  const [a, b] = [wasm, heap].map(memory => new Uint8Array(memory.buffer).slice())
  // The four bytes before `fresh` are the kernels' own.
  for (const bytes of [a, b]) bytes?.fill(0, at.fresh - 4, at.fresh)
  expect(Buffer.compare(a ?? new Uint8Array(0), b ?? new Uint8Array(1))).toBe(0)
}

const runs = { numRuns: 100, seed: 9 }
const n = 40
const words = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 2 * n, maxLength: 2 * n })
const fewWords = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: n, maxLength: n })
const bits = fc.uint8Array({ minLength: 8, maxLength: 8 })
const lengths = fc.array(fc.oneof(fc.nat(20), fc.nat(90)), { minLength: n, maxLength: n })

describe('key kernels and their twins agree', () => {
  it('on numbers made canonical, hashed and looked up', () => {
    const odd = fc.constantFrom(0, -0, Number.NaN, 1.5, Number.POSITIVE_INFINITY)
    fc.assert(
      fc.property(fc.array(odd, { minLength: n, maxLength: n }), fewWords, words, (floats, few, any) => {
        expectTwins(
          (bytes, u32) => {
            new Float64Array(bytes.buffer).set(floats, at.keys >> 3)
            few.forEach((f, i) => i % 3 === 0 && u32.set(any.slice(f * 2, f * 2 + 2), (at.keys >> 2) + 2 * i))
          },
          k => {
            k.canonical64(at.keys, n)
            k.hash64(at.keys, n, at.hashes)
            const first = k.resolve64(at.keys, at.hashes, n, at.table, mask, at.bySlot, 0, at.slots, at.fresh)
            k.rebuild64(at.bySlot, first, at.arena, mask)
            k.hash64(at.keys + 80, n - 10, at.hashes)
            return k.resolve64(at.keys + 80, at.hashes, n - 10, at.arena, mask, at.bySlot, first, at.slots, at.fresh)
          },
        )
      }),
      runs,
    )
  })

  it('on texts encoded, hashed and looked up', () => {
    fc.assert(
      fc.property(lengths, words, bits, (sizes, any, there) => {
        expectTwins(
          (bytes, u32) => {
            sizes.forEach((size, i) => {
              u32[(at.offsets >> 2) + i + 1] = (u32[(at.offsets >> 2) + i] ?? 0) + size
            })
            for (let i = 0; i < 4096; i++) bytes[at.values + i] = (any[i % 7] ?? 0) & 3
            bytes.set(there, at.validity)
            bytes.fill(0xee, at.tail)
          },
          k => {
            k.addFixed(n, at.lengths, 0, 1)
            k.addText(n, at.lengths, at.validity, at.offsets)
            const end = k.place(n, at.lengths, at.starts, at.cursors, at.tail)
            k.putFlag(n, at.cursors, at.validity)
            k.putText(n, at.cursors, at.validity, at.offsets, at.values)
            k.hashBytes(at.starts, at.lengths, n, at.hashes)
            const lists = [at.starts, at.lengths, at.hashes, n] as const
            const count = k.resolveBytes(...lists, at.table, mask, at.bySlot, 0, at.slots, at.fresh, at.arena, 0)
            k.rebuildBytes(at.bySlot, count, at.table + 16 * 256, mask, at.arena)
            return [end, count]
          },
        )
      }),
      runs,
    )
  })

  it('on one text encoded in one pass', () => {
    fc.assert(
      fc.property(lengths, words, (sizes, any) => {
        const fill = (bytes: Uint8Array, u32: Uint32Array): void => {
          sizes.forEach((size, i) => {
            u32[(at.offsets >> 2) + i + 1] = (u32[(at.offsets >> 2) + i] ?? 0) + size
          })
          for (let i = 0; i < 4096; i++) bytes[at.values + i] = (any[i % 80] ?? 0) & 255
          bytes.fill(0xee, at.tail)
        }
        expectTwins(fill, k => k.encodeText(n, at.offsets, at.values, at.tail, at.starts, at.lengths, at.hashes))
      }),
      runs,
    )
  })

  it('on values of every width written as keys', () => {
    fc.assert(
      fc.property(words, bits, fc.constantFrom(0, at.validity), (any, there, validity) => {
        const fill = (bytes: Uint8Array, u32: Uint32Array): void => {
          for (let i = 0; i < 4 * n; i++) u32[(at.values >> 2) + i] = any[i % any.length] ?? 0
          u32.set([0, 0x80000000, 0x7fc00001, 0xffc00000, 0x7f800000], at.values >> 2)
          bytes.set(there, at.validity)
        }
        expectTwins(fill, k => {
          for (const width of [1, 2, 4, 8, 16, 4, 8, 1]) k.addFixed(n, at.lengths, validity, width)
          const end = k.place(n, at.lengths, at.starts, at.cursors, at.tail)
          for (const width of [1, 2, 4, 8, 16]) k.putFixed(n, at.cursors, validity, at.values, width)
          for (const width of [4, 8]) k.putFloat(n, at.cursors, validity, at.values, width)
          k.putBit(n, at.cursors, validity, at.values)
          return end
        })
      }),
      runs,
    )
  })

  it('on rows of state found, read and written', () => {
    const slots = fc.uniqueArray(fc.nat(99), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(slots, words, bits, (numbers, any, there) => {
        const [stride, header, base] = [40, 33, at.arena]
        const fill = (bytes: Uint8Array, u32: Uint32Array): void => {
          for (let i = 0; i < 1000; i++) u32[(base >> 2) + i] = any[(i * 7) % any.length] ?? 0
          for (let i = 0; i < 200; i++) u32[(at.values >> 2) + i] = any[i % any.length] ?? 0
          u32.set(numbers, at.slots >> 2)
          bytes.set(there, at.validity)
        }
        expectTwins(fill, k => {
          const answers: unknown[] = []
          k.locate(at.slots, 30, 60, base, stride, header, at.bySlot, at.starts)
          for (const width of [1, 2, 4, 8, 16]) k.gather(at.starts, 30, 16, width, at.keys + 1024 * width)
          answers.push([0, 3, 11].map(bit => k.gatherBits(at.starts, 30, header, bit, at.fresh + 8)))
          k.locate(at.slots, 30, 60, base, stride, header, 0, at.starts)
          k.scatterBits(at.starts, 30, header, 5, at.validity)
          k.scatterBits(at.starts, 30, header, 9, at.validity)
          for (const [i, width] of [16, 8, 4, 2, 1].entries()) {
            k.scatter(at.starts, 30, [0, 16, 24, 28, 30][i] ?? 0, width, at.values)
          }
          return answers
        })
      }),
      runs,
    )
  })

  it('on the columns of more rows than are moved at once', () => {
    const rows = 300
    const [stride, header, base, common, full] = [40, 33, at.arena, at.fresh, at.hashes]
    const list = { slots: 65_536, rows: 67_584, columns: 69_632 }
    // Offset in the row, width, place of the values.
    const columns = [0, 16, 116_736, 16, 8, 122_880, 24, 4, 126_976, 28, 2, 129_024, 30, 1, 130_048]
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: rows }), (any, count) => {
        const fill = (bytes: Uint8Array, u32: Uint32Array): void => {
          for (let i = 0; i < (rows * stride) / 4; i++) u32[(base >> 2) + i] = any[(i * 7) % any.length] ?? 0
          for (let i = 0; i < count; i++) u32[(list.slots >> 2) + i] = (i * 37) % rows
          u32.set(columns, list.columns >> 2)
          bytes.fill(0xfd, at.bySlot, at.bySlot + stride)
          bytes.set([5, 250], full)
        }
        expectTwins(fill, k => {
          const read = [header, 2, at.bySlot, list.rows, common, list.columns, 5] as const
          k.readRows(list.slots, count, rows - 40, base, stride, ...read)
          k.locate(list.slots, count, rows, base, stride, header, 0, list.rows)
          // The values of the first rows stand in each other's place now.
          k.gather(list.rows, count, 8, 8, 122_880)
          k.writeRows(list.rows, count, header, 2, full, list.columns, 5)
        })
      }),
      runs,
    )
  })
})

describe('memory of the twins', () => {
  it('keeps its bytes when it grows', () => {
    const memory = new HeapMemory(1)
    new Uint8Array(memory.buffer)[5] = 7
    expect(memory.grow(2)).toBe(1)
    expect(memory.buffer.byteLength).toBe(3 * pageBytes)
    expect(new Uint8Array(memory.buffer)[5]).toBe(7)
  })
})
