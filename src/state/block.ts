/**
 * Blocks: state as the store keeps it. Rows of one operator in the order of their key groups, so that a block says with a
 * short directory which groups it has, and its groups can be told apart without a hash.
 *
 *     0  u32 magic "ABSB"       16  u64 epoch             32  u32 rows        44  u32 key groups of the job
 *     4  u32 CRC32C from 8 on   24  u64 since             36  u32 groups      48  u32 CRC32C of the operator's id
 *     8  u16 version, u16 64    12  u32 schema id         40  u32 bytes       52  zeros
 *    64  directory: u32 key group, u32 rows of it; ascending; zeros up to a multiple of 64
 *        an Arrow record batch: `deleted` (bool), the key columns, the state columns
 *
 * A block has what changed in its groups in epochs (since, epoch]; since 0: all there is. The schema id is that of
 * block-schema.ts. test/golden/state-block.json fixes the bytes.
 */
import { StateError } from '../base/index.js'
import { type Batch, type IpcTemplate, type Loan, type Memory, ipcSize, readIpc, writeIpc } from '../batch/index.js'
import { crc32c } from '../kernels/index.js'
import { type StateForm } from './block-schema.js'

/** Changed state on its way to the store; its bytes are its own, until `loan` is released. */
export interface StateBlock {
  readonly operator: string
  /** What its rows are. */
  readonly form: StateForm
  readonly epoch: number
  readonly since: number
  readonly firstGroup: number
  readonly lastGroup: number
  readonly rows: number
  readonly bytes: Uint8Array
  /** Of its bytes those that changed in this epoch; the others are written so that older blocks can go. */
  readonly changed: number
  /** What the bytes lie in. */
  readonly loan: Loan | undefined
}

/** Rows [from, to) of a block are of this key group. */
export interface GroupRows {
  readonly group: number
  readonly from: number
  readonly to: number
}

export interface BlockHeader {
  readonly schemaId: number
  readonly epoch: number
  readonly since: number
  readonly rows: number
  readonly keyGroups: number
  readonly groups: readonly GroupRows[]
  /** Where the record batch begins. */
  readonly body: number
}

export const blockVersion = 1
const magic = 0x42534241
const fixedBytes = 64
const align64 = (bytes: number): number => Math.ceil(bytes / 64) * 64
const text = new TextEncoder()

export interface BlockParts {
  readonly operator: string
  readonly form: StateForm
  readonly schemaId: number
  readonly epoch: number
  readonly since: number
  readonly groups: readonly GroupRows[]
}

/** The check sum that stands in a block, and its schema id, without a look at the rest. */
export const sumOf = ({ buffer, byteOffset }: Uint8Array): number => new DataView(buffer, byteOffset).getUint32(4, true)
export const isWhole = (bytes: Uint8Array, sum: number): boolean =>
  sumOf(bytes) === sum && crc32c(bytes.subarray(8)) === sum
export const schemaIdOf = ({ buffer, byteOffset }: Uint8Array): number =>
  new DataView(buffer, byteOffset).getUint32(12, true)

/** Bytes that `encodeBlock` will need. */
export const blockBytes = (template: IpcTemplate, rows: Batch, groups: number): number =>
  fixedBytes + align64(8 * groups) + ipcSize(template, rows)

/** @param memory where its bytes lie; without, they are left to the garbage collector. */
export function encodeBlock(template: IpcTemplate, rows: Batch, parts: BlockParts, memory?: Memory): StateBlock {
  const { operator, form, epoch, since, groups } = parts
  const size = blockBytes(template, rows, groups.length)
  const { bytes, loan } = memory?.take(size) ?? { bytes: new Uint8Array(size), loan: undefined }
  const view = new DataView(bytes.buffer, bytes.byteOffset, size)
  const body = fixedBytes + align64(8 * groups.length)
  bytes.fill(0, 0, body)
  view.setUint32(0, magic, true)
  view.setUint16(8, blockVersion, true)
  view.setUint16(10, fixedBytes, true)
  view.setUint32(12, parts.schemaId, true)
  view.setBigUint64(16, BigInt(epoch), true)
  view.setBigUint64(24, BigInt(since), true)
  view.setUint32(32, rows.rows, true)
  view.setUint32(36, groups.length, true)
  view.setUint32(40, bytes.length, true)
  view.setUint32(44, form.keyGroups, true)
  view.setUint32(48, crc32c(text.encode(operator)), true)
  groups.forEach(({ group, from, to }, i) => {
    view.setUint32(fixedBytes + 8 * i, group, true)
    view.setUint32(fixedBytes + 8 * i + 4, to - from, true)
  })
  writeIpc(template, rows, bytes, body)
  view.setUint32(4, crc32c(bytes.subarray(8)), true)
  const [firstGroup, lastGroup] = [groups[0]?.group ?? 0, groups.at(-1)?.group ?? 0]
  return { operator, form, epoch, since, firstGroup, lastGroup, rows: rows.rows, bytes, changed: 0, loan }
}

/**
 * The header of a block, each bit of which is what was written (`isWhole`).
 *
 * @param operator whose block it should be.
 * @throws StateError ANB6010 where it is another one; ANB6014 of another version
 */
export function readHeader(operator: string, bytes: Uint8Array): BlockHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < fixedBytes || view.getUint32(0, true) !== magic) refuse(operator, 'does not begin as a block does')
  const version = view.getUint16(8, true)
  if (view.getUint32(40, true) !== bytes.length) refuse(operator, `has ${bytes.length} bytes, not what it says`)
  if (version !== blockVersion) {
    throw new StateError(
      'ANB6014',
      `state of operator "${operator}" has format version ${version}, this is ${blockVersion}`,
    )
  }
  if (view.getUint32(48, true) !== crc32c(text.encode(operator))) refuse(operator, 'belongs to another operator')
  const count = view.getUint32(36, true)
  const groups: GroupRows[] = []
  let from = 0
  for (let i = 0; i < count; i++) {
    const to = from + view.getUint32(fixedBytes + 8 * i + 4, true)
    groups.push({ group: view.getUint32(fixedBytes + 8 * i, true), from, to })
    from = to
  }
  return {
    schemaId: view.getUint32(12, true),
    epoch: Number(view.getBigUint64(16, true)),
    since: Number(view.getBigUint64(24, true)),
    rows: view.getUint32(32, true),
    keyGroups: view.getUint32(44, true),
    groups,
    body: fixedBytes + align64(8 * count),
  }
}

/** The rows of a block whose header was read. */
export function readRows(template: IpcTemplate, bytes: Uint8Array, header: BlockHeader): Batch {
  return readIpc(template, bytes.subarray(header.body))
}

function refuse(operator: string, why: string): never {
  throw new StateError('ANB6010', `a state block of operator "${operator}" ${why}`)
}
