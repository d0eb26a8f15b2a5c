/**
 * Deltas: rows of a state table become blocks, at a cut and on the engine's thread. Everything moves by column; a million
 * rows of four numbers take less than 100 ms (test/unit/state/delta.test.ts has the row counts, `npm run bench` the time).
 */
import {
  type Batch,
  BufferPool,
  type IpcTemplate,
  type Loan,
  type Memory,
  makeColumn,
  noNulls,
  slice,
} from '../batch/index.js'
import { byteWidth } from '../schema/index.js'
import { type BlockParts, type GroupRows, type StateBlock, blockBytes, encodeBlock } from './block.js'
import { type StateForm, blockTemplate, formId } from './block-schema.js'
import { type KeySlots } from './key-index.js'
import { Scratch } from './scratch.js'
import { type GroupSpan, byGroup, slotsOutside } from './slots-by-group.js'
import { type StateTable } from './state-table.js'

/** Where a block ends, unless one row is larger. */
export const blockBytesMax = 1 << 20

const textBytes = 24

/** What a block says beside its rows. */
type Written = Omit<BlockParts, 'groups'>

export class DeltaWriter {
  private readonly template: IpcTemplate
  private readonly schemaId: number
  /** Bytes of a row, by estimate: texts are taken for short. */
  readonly rowBytes: number
  /** Where the columns of one block lie while it is written. */
  private readonly columns = new BufferPool(4 * blockBytesMax)
  /** Rows that fit in a block, by the blocks so far. */
  private rowsGuess = 8192

  constructor(
    readonly operator: string,
    readonly form: StateForm,
    private readonly index: KeySlots,
    private readonly table: StateTable,
    /** Where the blocks lie; without, they are left to the garbage collector. */
    private readonly memory?: Memory,
  ) {
    this.template = blockTemplate(form)
    this.schemaId = formId(form)
    this.rowBytes = [...form.key.fields, ...form.state.fields].reduce(
      (sum, { type }) => sum + (byteWidth(type) || textBytes),
      0,
    )
  }

  /**
   * The state of these slots, ascending; without state a row says that it is deleted.
   *
   * @param span the key groups that these are all slots of: the blocks cover them without a gap, rows or not.
   */
  encode(slots: Int32Array, epoch: number, since: number, span?: GroupSpan): readonly StateBlock[] {
    const { operator, form, schemaId } = this
    const written: Written = { operator, form, schemaId, epoch, since }
    const scratch = new Scratch(this.memory)
    const { order, groups } = byGroup(slots, this.index.groupOf, form.keyGroups, scratch)
    const blocks: StateBlock[] = []
    let from = 0
    while (from < order.length) {
      const to = boundary(groups, from, Math.min(order.length, from + this.rowsGuess))
      blocks.push(...this.block(order.subarray(from, to), within(groups, from, to), written))
      from = to
    }
    scratch.release()
    return span === undefined ? blocks : this.stretched(blocks, span, written)
  }

  /** Those of these slots whose keys are in no group of the span. */
  outside(slots: Int32Array, span: GroupSpan, scratch: Scratch): Int32Array {
    return slotsOutside(slots, this.index.groupOf, span, scratch)
  }

  /** Each block covers the groups up to the next one; one without rows says that a span has none. */
  private stretched(blocks: readonly StateBlock[], span: GroupSpan, written: Written): readonly StateBlock[] {
    const all = blocks.length > 0 ? blocks : this.block(new Int32Array(0), [], written)
    return all.map((block, i) => ({
      ...block,
      firstGroup: i === 0 ? span.first : block.firstGroup,
      lastGroup: Math.max(block.lastGroup, (all[i + 1]?.firstGroup ?? span.last + 1) - 1),
    }))
  }

  /** These rows as one block, or halves of them where they are more bytes than a block may have. */
  private block(slots: Int32Array, groups: readonly GroupRows[], written: Written): readonly StateBlock[] {
    const scratch = new Scratch(this.columns)
    const { rows, loan } = this.rowsOf(slots, scratch)
    const bytes = blockBytes(this.template, rows, groups.length)
    if (slots.length >= 64)
      this.rowsGuess = Math.max(64, Math.min(1 << 20, Math.floor((0.9 * blockBytesMax * (slots.length + 1)) / bytes)))
    const blocks = this.encodeRows(rows, groups, written)
    loan?.release()
    scratch.release()
    return blocks
  }

  private encodeRows(rows: Batch, groups: readonly GroupRows[], written: Written): readonly StateBlock[] {
    if (rows.rows <= 1 || blockBytes(this.template, rows, groups.length) <= blockBytesMax) {
      return [encodeBlock(this.template, rows, { ...written, groups }, this.memory)]
    }
    const half = rows.rows >>> 1
    return [
      ...this.encodeRows(slice(rows, 0, half), within(groups, 0, half), written),
      ...this.encodeRows(slice(rows, half, rows.rows), within(groups, half, rows.rows), written),
    ]
  }

  private rowsOf(slots: Int32Array, scratch: Scratch): { readonly rows: Batch; readonly loan: Loan | undefined } {
    const keys = this.index.keysOf(slots, scratch)
    const { state, isNew, loan } = this.table.gather(slots, this.columns)
    const deleted = makeColumn({ kind: 'bool' }, slots.length, noNulls, { offsets: null, values: isNew, children: [] })
    const columns = [deleted, ...keys.columns, ...state.columns]
    return { rows: { schema: this.template.schema, rows: slots.length, columns }, loan }
  }
}

/** The last end of a group in the second half of [from, to], else `to`: a block of whole groups is superseded as a whole. */
function boundary(groups: readonly GroupRows[], from: number, to: number): number {
  const half = from + (to - from) / 2
  const ends = groups.filter(each => each.to > half && each.to <= to)
  return ends.at(-1)?.to ?? to
}

/** The groups of rows [from, to), counted from `from`. */
function within(groups: readonly GroupRows[], from: number, to: number): readonly GroupRows[] {
  return groups
    .filter(each => each.to > from && each.from < to)
    .map(each => ({ group: each.group, from: Math.max(each.from, from) - from, to: Math.min(each.to, to) - from }))
}
