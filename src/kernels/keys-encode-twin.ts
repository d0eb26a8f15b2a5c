/** Plain twin of the encoding kernels; see keys-contract.ts for what they do. */
import { type EncodeKernels } from './keys-contract.js'
import { hashKeys } from './keys-lookup-twin.js'
import { type Views, viewsOf } from './keys-views.js'
import { type KernelMemory } from './module.js'

export function plainEncodeKernels(memory: KernelMemory): EncodeKernels {
  const views = viewsOf(memory)
  const lengths = plainLengths(views)
  const values = plainValues(views)
  return {
    ...lengths,
    ...values,
    encodeText: (n, offsets, texts, from, starts, sizes, hashes) => {
      const { u32 } = views()
      u32.fill(0, sizes >>> 2, (sizes >>> 2) + n)
      lengths.addText(n, sizes, 0, offsets)
      const end = lengths.place(n, sizes, starts, hashes, from)
      values.putText(n, hashes, 0, offsets, texts)
      hashKeys(u32, { starts, lengths: sizes, n, hashes })
      return end
    },
  }
}

type Lengths = Pick<EncodeKernels, 'addFixed' | 'addText' | 'place'>
type Values = Omit<EncodeKernels, keyof Lengths | 'encodeText'>

function plainLengths(views: () => Views): Lengths {
  return {
    addFixed: (n, lengths, validity, width) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) if (isThere(u8, validity, i)) add(u32, lengths, i, width)
    },
    addText: (n, lengths, validity, offsets) => {
      const { u8, u32 } = views()
      const from = offsets >>> 2
      for (let i = 0; i < n; i++) {
        if (isThere(u8, validity, i)) add(u32, lengths, i, 4 + (u32[from + i + 1] ?? 0) - (u32[from + i] ?? 0))
      }
    },
    place: (n, lengths, starts, cursors, from) => place(views(), { n, lengths, starts, cursors, from }),
  }
}

function plainValues(views: () => Views): Values {
  return {
    putFlag: (n, cursors, validity) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) u8[add(u32, cursors, i, 1)] = isThere(u8, validity, i) ? 1 : 0
    },
    putFixed: (n, cursors, validity, values, width) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) {
        if (isThere(u8, validity, i)) copyBytes(u8, add(u32, cursors, i, width), values + i * width, width)
      }
    },
    putBit: (n, cursors, validity, bits) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) {
        if (isThere(u8, validity, i)) u8[add(u32, cursors, i, 1)] = isThere(u8, bits, i) ? 1 : 0
      }
    },
    putFloat: (n, cursors, validity, values, width) => {
      const { u8, u32, f32, f64 } = views()
      for (let i = 0; i < n; i++) {
        if (!isThere(u8, validity, i)) continue
        const at = add(u32, cursors, i, width)
        const value = (width === 4 ? f32[(values >>> 2) + i] : f64[(values >>> 3) + i]) ?? 0
        if (value === 0) u8.fill(0, at, at + width)
        else if (Number.isNaN(value)) u8.set(width === 4 ? nan32 : nan64, at)
        else copyBytes(u8, at, values + i * width, width)
      }
    },
    putText: (n, cursors, validity, offsets, values) => {
      const { u8, u32 } = views()
      const from = offsets >>> 2
      for (let i = 0; i < n; i++) {
        if (!isThere(u8, validity, i)) continue
        const start = u32[from + i] ?? 0
        const length = (u32[from + i + 1] ?? 0) - start
        const at = add(u32, cursors, i, 4 + length)
        for (let b = 0; b < 4; b++) u8[at + b] = length >>> (8 * b)
        copyBytes(u8, at + 4, values + start, length)
      }
    },
  }
}

const nan32 = Uint8Array.of(0, 0, 0xc0, 0x7f)
const nan64 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0xf8, 0x7f)

const isThere = (u8: Uint8Array, validity: number, i: number): boolean =>
  validity === 0 || (((u8[validity + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1

/** Adds to number i of a list; answers what it was. */
function add(u32: Uint32Array, list: number, i: number, by: number): number {
  const word = (list >>> 2) + i
  const before = u32[word] ?? 0
  u32[word] = before + by
  return before
}

function copyBytes(u8: Uint8Array, to: number, from: number, length: number): void {
  for (let b = 0; b < length; b++) u8[to + b] = u8[from + b] ?? 0
}

function place(
  { u32 }: Views,
  {
    n,
    lengths,
    starts,
    cursors,
    from,
  }: {
    readonly n: number
    readonly lengths: number
    readonly starts: number
    readonly cursors: number
    readonly from: number
  },
): number {
  let end = from
  for (let i = 0; i < n; i++) {
    u32[(starts >>> 2) + i] = end
    u32[(cursors >>> 2) + i] = end
    end += (((u32[(lengths >>> 2) + i] ?? 0) + 7) >>> 3) * 8
    if (end > from) {
      u32[(end - 8) >>> 2] = 0
      u32[(end - 4) >>> 2] = 0
    }
  }
  return end
}
