/**
 * Columns: in how many rows two columns of one type differ. Exact unless a tolerance is given, but for what no calculation can
 * tell apart: NaN equals NaN, and 0.0 equals -0.0. Columns that are the same bytes, as most are, cost one comparison of memory.
 */
import { type Column, asInt32, bitAt, offsetsOf } from '../../batch/index.js'
import { type DataType, byteWidth } from '../../schema/index.js'

/** Rows to compare: row `a[i]` of the one with row `b[i]` of the other; null: row i with row i. */
export interface Pairs {
  readonly count: number
  readonly a: Int32Array | null
  readonly b: Int32Array | null
}

/** Whether value i of the one is value j of the other; neither is null. */
type Equal = (i: number, j: number) => boolean

/**
 * @param tolerance part of the larger number by which floats may differ; 0: none
 * @param told is told of each pair that differs, by its number
 */
export function eachDifference(
  a: Column,
  b: Column,
  { pairs, tolerance }: { readonly pairs: Pairs; readonly tolerance: number },
  told: (pair: number) => void,
): void {
  if (pairs.a === null && pairs.b === null && areSameBytes(a, b)) return
  const equal = withNulls(a, b, tolerance)
  for (let n = 0; n < pairs.count; n += 1) if (!equal(pairs.a?.[n] ?? n, pairs.b?.[n] ?? n)) told(n)
}

function areSameBytes(a: Column, b: Column): boolean {
  if (a.length !== b.length || a.nullCount !== b.nullCount) return false
  const { offsets } = a
  const isSame = same(a.validity, b.validity) && same(bytes(offsets), bytes(b.offsets)) && same(a.values, b.values)
  return isSame && a.children.every((child, i) => areSameBytes(child, b.children[i] ?? child))
}

const bytes = (v: Int32Array | null): Uint8Array | null =>
  v === null ? null : new Uint8Array(v.buffer, v.byteOffset, v.byteLength)

/** One that is missing has no nulls, as one that is full. */
const same = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a === null || b === null ? a === b : Buffer.compare(a, b) === 0

function withNulls(a: Column, b: Column, tolerance: number): Equal {
  const equal = equalOf(a, b, tolerance)
  const [there, others] = [a.validity, b.validity]
  if (there === null && others === null) return equal
  return (i, j) => {
    const isThere = there === null || bitAt(there, i) === 1
    const isOther = others === null || bitAt(others, j) === 1
    return isThere === isOther && (!isThere || equal(i, j))
  }
}

function equalOf(a: Column, b: Column, tolerance: number): Equal {
  const { type } = a
  switch (type.kind) {
    case 'bool':
      return (i, j) => bitAt(a.values, i) === bitAt(b.values, j)
    case 'float32':
    case 'float64':
      return equalFloats(floatsOf(a, type.kind), floatsOf(b, type.kind), tolerance)
    case 'utf8':
    case 'binary':
      return equalBytes(a, b)
    case 'list':
    case 'map':
      return equalItems(a, b, tolerance)
    case 'struct':
      return equalMembers(a, b, tolerance)
    default:
      return equalWords(a.values, b.values, type)
  }
}

const floatsOf = ({ values }: Column, kind: 'float32' | 'float64'): Float32Array | Float64Array =>
  kind === 'float32'
    ? new Float32Array(values.buffer, values.byteOffset, values.byteLength >> 2)
    : new Float64Array(values.buffer, values.byteOffset, values.byteLength >> 3)

function equalFloats(a: Float32Array | Float64Array, b: Float32Array | Float64Array, tolerance: number): Equal {
  return (i, j) => {
    const x = a[i] ?? 0
    const y = b[j] ?? 0
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return true
    return Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y)) && Number.isFinite(x - y)
  }
}

/** Whole numbers, times and decimals: 1, 2, 4, 8 or 16 bytes, and no two patterns are one value. */
function equalWords(a: Uint8Array, b: Uint8Array, type: DataType): Equal {
  const width = byteWidth(type)
  if (width === 1) return (i, j) => a[i] === b[j]
  if (width === 2) return (i, j) => a[2 * i] === b[2 * j] && a[2 * i + 1] === b[2 * j + 1]
  const [left, right] = [asInt32(a), asInt32(b)]
  const words = width >> 2
  return (i, j) => {
    for (let w = 0; w < words; w += 1) if (left[i * words + w] !== right[j * words + w]) return false
    return true
  }
}

function equalBytes(a: Column, b: Column): Equal {
  const [from, to] = [offsetsOf(a), offsetsOf(b)]
  return (i, j) => {
    const [at, other] = [from[i] ?? 0, to[j] ?? 0]
    const length = (from[i + 1] ?? 0) - at
    if ((to[j + 1] ?? 0) - other !== length) return false
    for (let n = 0; n < length; n += 1) if (a.values[at + n] !== b.values[other + n]) return false
    return true
  }
}

function equalItems(a: Column, b: Column, tolerance: number): Equal {
  const [from, to] = [offsetsOf(a), offsetsOf(b)]
  const [left, right] = [a.children[0], b.children[0]]
  const equal = left === undefined || right === undefined ? () => true : withNulls(left, right, tolerance)
  return (i, j) => {
    const [at, other] = [from[i] ?? 0, to[j] ?? 0]
    const length = (from[i + 1] ?? 0) - at
    if ((to[j + 1] ?? 0) - other !== length) return false
    for (let n = 0; n < length; n += 1) if (!equal(at + n, other + n)) return false
    return true
  }
}

function equalMembers(a: Column, b: Column, tolerance: number): Equal {
  const members = a.children.flatMap((child, m) => {
    const other = b.children[m]
    return other === undefined ? [] : [withNulls(child, other, tolerance)]
  })
  return (i, j) => members.every(equal => equal(i, j))
}
