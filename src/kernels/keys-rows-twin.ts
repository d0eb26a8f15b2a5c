/** Plain twin of the row kernels; see keys-contract.ts for what they do. */
import { type RowKernels } from './keys-contract.js'
import { viewsOf } from './keys-views.js'
import { type KernelMemory } from './module.js'

export function plainRowKernels(memory: KernelMemory): RowKernels {
  const cells = plainCellKernels(memory)
  return { ...cells, ...plainWholeRowKernels(memory, cells) }
}

type WholeRowKernels = Pick<RowKernels, 'readRows' | 'writeRows'>
type CellKernels = Omit<RowKernels, keyof WholeRowKernels>

function plainCellKernels(memory: KernelMemory): CellKernels {
  const views = viewsOf(memory)
  return {
    locate: (slots, n, limit, base, stride, header, instead, rows) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) {
        const slot = u32[(slots >>> 2) + i] ?? 0
        const row = base + slot * stride
        const own = instead === 0 || (slot < limit && ((u8[row + header] ?? 0) & 1) === 1)
        u32[(rows >>> 2) + i] = own ? row : instead
      }
    },
    gather: (rows, n, offset, width, values) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) copyCell(u8, u32, values + i * width, (u32[(rows >>> 2) + i] ?? 0) + offset, width)
    },
    scatter: (rows, n, offset, width, values) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) copyCell(u8, u32, (u32[(rows >>> 2) + i] ?? 0) + offset, values + i * width, width)
    },
    gatherBits: (rows, n, header, bit, bits) => {
      const { u8, u32 } = views()
      let zeros = 0
      u8.fill(0, bits, bits + ((n + 7) >> 3))
      for (let i = 0; i < n; i++) {
        const one = ((u8[(u32[(rows >>> 2) + i] ?? 0) + header + (bit >> 3)] ?? 0) >> (bit & 7)) & 1
        zeros += 1 - one
        u8[bits + (i >> 3)] = (u8[bits + (i >> 3)] ?? 0) | (one << (i & 7))
      }
      return zeros
    },
    scatterBits: (rows, n, header, bit, bits) => {
      const { u8, u32 } = views()
      const keep = ~(1 << (bit & 7))
      for (let i = 0; i < n; i++) {
        const at = (u32[(rows >>> 2) + i] ?? 0) + header + (bit >> 3)
        const one = ((u8[bits + (i >> 3)] ?? 0) >> (i & 7)) & 1
        u8[at] = ((u8[at] ?? 0) & keep) | (one << (bit & 7))
      }
    },
  }
}

function plainWholeRowKernels(memory: KernelMemory, { locate, gather, scatter }: CellKernels): WholeRowKernels {
  const views = viewsOf(memory)
  type Move = (offset: number, width: number, values: number) => void
  const eachColumn = (columns: number, count: number, move: Move): void => {
    const { u32 } = views()
    for (let at = columns >>> 2; at < (columns >>> 2) + 3 * count; at += 3) {
      move(u32[at] ?? 0, u32[at + 1] ?? 0, u32[at + 2] ?? 0)
    }
  }
  return {
    readRows: (slots, n, limit, base, stride, header, headerBytes, instead, rows, common, columns, count) => {
      locate(slots, n, limit, base, stride, header, instead, rows)
      const { u8, u32 } = views()
      u8.fill(255, common, common + headerBytes)
      for (let i = 0; i < n; i++) {
        const at = (u32[(rows >>> 2) + i] ?? 0) + header
        for (let b = 0; b < headerBytes; b++) u8[common + b] = (u8[common + b] ?? 0) & (u8[at + b] ?? 0)
      }
      eachColumn(columns, count, (offset, width, values) => gather(rows, n, offset, width, values))
    },
    writeRows: (rows, n, header, headerBytes, full, columns, count) => {
      const { u8, u32 } = views()
      for (let i = 0; i < n; i++) u8.copyWithin((u32[(rows >>> 2) + i] ?? 0) + header, full, full + headerBytes)
      eachColumn(columns, count, (offset, width, values) => scatter(rows, n, offset, width, values))
    },
  }
}

/** Cells and columns of 4 bytes and more lie at multiples of 4, so that they move by words. */
function copyCell(u8: Uint8Array, u32: Uint32Array, to: number, from: number, width: number): void {
  if (width < 4) for (let b = 0; b < width; b++) u8[to + b] = u8[from + b] ?? 0
  else {
    const target = to >>> 2
    const source = from >>> 2
    for (let w = 0; w < width >>> 2; w++) u32[target + w] = u32[source + w] ?? 0
  }
}
