/**
 * The manifest: which blocks live. A block has what changed in its key groups in epochs (since, epoch]. One that spans
 * the epochs of another has newer state of all its rows, so the other is superseded in that group, and when it is in all of
 * its groups it goes. Pure: rows of a record in, rows of a record out.
 */
import { invariant } from '../../base/index.js'
import { type StateBlock, schemaIdOf, sumOf } from '../block.js'
import { type StateForm, type StateFormJson, formFromJson, formToJson } from '../block-schema.js'
import { type BlockEntryJson, type RecordHead, type RemovedJson, kinds } from './record.js'

export interface LiveBlock {
  readonly operator: string
  readonly epoch: number
  readonly number: number
  readonly since: number
  readonly firstGroup: number
  readonly lastGroup: number
  readonly rows: number
  readonly bytes: number
  readonly sum: number
  readonly schemaId: number
  /** Key groups of which a later block has everything. */
  readonly superseded: Set<number>
}

/** What one epoch does to the manifest, and what its record says of it. */
export type Change = Pick<RecordHead, 'full' | 'blocks' | 'removed' | 'forms'>

const nameOf = (epoch: number, number: number): string => `${epoch}/${number}`

export class Manifest {
  /** By epoch and number, in the order in which they came. */
  private readonly blocks = new Map<string, LiveBlock>()
  private readonly forms = new Map<string, Map<number, StateFormJson>>()
  /** What may still be there and nobody reads. */
  private dead: RemovedJson[] = []
  private deadSize = 0
  /** Rows of records since all blocks were listed. */
  private listed = 0

  /** Bytes of all live blocks. */
  get bytes(): number {
    return [...this.blocks.values()].reduce((sum, block) => sum + block.bytes, 0)
  }

  get live(): readonly LiveBlock[] {
    return [...this.blocks.values()]
  }

  /** Those of an operator, in the order in which they are applied. */
  of(operator: string): readonly LiveBlock[] {
    return this.live.filter(block => block.operator === operator)
  }

  get operators(): readonly string[] {
    return [...this.forms.keys()]
  }

  form(operator: string, schemaId: number): StateForm {
    const json = this.forms.get(operator)?.get(schemaId)
    invariant(json !== undefined, `the columns of a block of operator "${operator}" are known`)
    return formFromJson(json)
  }

  /** The columns that an operator's newest blocks have; undefined where it has none. */
  newestForm(operator: string): StateForm | undefined {
    const newest = this.of(operator).at(-1)
    return newest === undefined ? undefined : this.form(operator, newest.schemaId)
  }

  /** Bytes of dead blocks. */
  get deadBytes(): number {
    return this.deadSize
  }

  get deadCount(): number {
    return this.dead.length
  }

  /** What is dead; from now on somebody else sees that it goes. */
  takeDead(): readonly RemovedJson[] {
    const { dead } = this
    this.dead = []
    this.deadSize = 0
    return dead
  }

  /**
   * Takes the blocks of an epoch in, and those out that they supersede.
   *
   * @param dropped operators of which nothing is stored any more.
   * @param records epochs whose records nobody asks for once all blocks are listed again.
   */
  add(
    epoch: number,
    { blocks, dropped }: { readonly blocks: readonly StateBlock[]; readonly dropped: readonly string[] },
    records: () => readonly number[],
  ): Change {
    const gone = dropped.flatMap(operator => this.of(operator)).map(each => this.remove(each.epoch, each.number))
    const added = blocks.map((block, number) => entryOf(block, epoch, number))
    for (const block of blocks) this.learn(block.operator, schemaIdOf(block.bytes), formToJson(block.form))
    for (const block of added) this.blocks.set(nameOf(block.epoch, block.number), block)
    const removed = [...gone, ...this.supersede(added)]
    this.listed += added.length + removed.length + 1
    const full = this.listed > this.blocks.size + 32
    if (full) {
      this.listed = 0
      this.dead.push(
        ...records().flatMap(at => [kinds.record, kinds.finished].map((kind): RemovedJson => [at, kind, 0])),
      )
    }
    const listed = full ? this.live : added
    return { full, blocks: listed.map(jsonOf), removed: full ? this.dead : removed, forms: this.formsOf(listed) }
  }

  /** What `add` did in another run, from its record. The first one is full. */
  replay(change: Change): void {
    if (change.full) this.blocks.clear()
    for (const [operator, forms] of Object.entries(change.forms)) {
      for (const [id, form] of Object.entries(forms)) this.learn(operator, Number(id), form)
    }
    const added = change.blocks.map(blockOf)
    for (const block of added) this.blocks.set(nameOf(block.epoch, block.number), block)
    if (change.full) this.takeDead()
    for (const [epoch, kind, number] of change.removed) if (kind === kinds.block) this.remove(epoch, number)
    this.dead.push(...change.removed.filter(([, kind]) => kind !== kinds.block))
    this.supersede(added)
  }

  private remove(epoch: number, number: number): RemovedJson {
    this.deadSize += this.blocks.get(nameOf(epoch, number))?.bytes ?? 0
    this.blocks.delete(nameOf(epoch, number))
    const removed: RemovedJson = [epoch, kinds.block, number]
    this.dead.push(removed)
    return removed
  }

  private learn(operator: string, id: number, form: StateFormJson): void {
    const forms = this.forms.get(operator) ?? new Map<number, StateFormJson>()
    this.forms.set(operator, forms.set(id, form))
  }

  private formsOf(blocks: readonly LiveBlock[]): RecordHead['forms'] {
    const forms: Record<string, Record<string, StateFormJson>> = {}
    for (const { operator, schemaId } of blocks) {
      const form = this.forms.get(operator)?.get(schemaId)
      if (form !== undefined) forms[operator] = { ...forms[operator], [schemaId]: form }
    }
    return forms
  }

  /** Blocks of one epoch came: notes what they have all of, and takes out what nothing is left of. */
  private supersede(added: readonly LiveBlock[]): readonly RemovedJson[] {
    const wide = added.filter(block => block.epoch - block.since > 1)
    const removed: RemovedJson[] = []
    for (const newer of wide) {
      for (const older of this.blocks.values()) {
        if (!spans(newer, older)) continue
        const last = Math.min(newer.lastGroup, older.lastGroup)
        for (let g = Math.max(newer.firstGroup, older.firstGroup); g <= last; g++) older.superseded.add(g)
        if (older.superseded.size <= older.lastGroup - older.firstGroup) continue
        removed.push(this.remove(older.epoch, older.number))
      }
    }
    return removed
  }
}

/** Blocks of one epoch stand side by side, whatever they span. */
const spans = (newer: LiveBlock, older: LiveBlock): boolean =>
  newer.operator === older.operator && newer.epoch > older.epoch && newer.since <= older.since

const entryOf = (block: StateBlock, epoch: number, number: number): LiveBlock => {
  invariant(block.epoch === epoch, 'blocks are written in their epoch')
  const { operator, since, firstGroup, lastGroup, rows, bytes } = block
  const [sum, schemaId] = [sumOf(bytes), schemaIdOf(bytes)]
  const superseded = new Set<number>()
  return { operator, epoch, number, since, firstGroup, lastGroup, rows, bytes: bytes.length, sum, schemaId, superseded }
}

const jsonOf = (b: LiveBlock): BlockEntryJson => [
  b.operator,
  b.epoch,
  b.number,
  b.since,
  b.firstGroup,
  b.lastGroup,
  b.rows,
  b.bytes,
  b.sum,
  b.schemaId,
]

function blockOf(json: BlockEntryJson): LiveBlock {
  const [operator, epoch, number, since, firstGroup, lastGroup, rows, bytes, sum, schemaId] = json
  const superseded = new Set<number>()
  return { operator, epoch, number, since, firstGroup, lastGroup, rows, bytes, sum, schemaId, superseded }
}
