/** Entries beyond memory as blocks, for who wants all rows: they come before the blocks of the epochs. */
import { invariant } from '../../base/index.js'
import { type Batch, bitmapBytes, makeColumn, noNulls } from '../../batch/index.js'
import { type GroupRows, encodeBlock } from '../block.js'
import { blockTemplate, formId } from '../block-schema.js'
import { type ColdEntries, type ColdRows } from '../cold.js'
import { evolveThrough } from '../evolve.js'
import { decodeKeys } from '../key-decoder.js'
import { packedOf } from '../packed.js'
import { type StoredBlock } from '../restore.js'
import { decodeRows } from '../row-codec.js'
import { type ColdReader } from './cold-store.js'
import { type GroupRange } from './snapshot.js'

/** All entries of an operator, as blocks that are older than all others. */
export async function* coldBlocks(cold: ColdReader, operator: string, groups?: GroupRange): AsyncIterable<StoredBlock> {
  for await (const page of cold.entries(operator, groups)) {
    for (const found of page.found) yield blockOf(operator, page, found)
  }
}

/** In the newest form: blocks know nothing of those between. */
function blockOf(operator: string, page: ColdEntries, { forms, at, rows }: ColdRows): StoredBlock {
  const [written, form] = [forms[0], forms.at(-1)]
  invariant(written !== undefined && form !== undefined, 'an entry was written in a form')

  const count = at.length
  const keys = decodeKeys(form.key, packedOf(page.keys, at), form.nullKeys)
  const template = blockTemplate(form)
  const none = { offsets: null, values: new Uint8Array(bitmapBytes(count)), children: [] }
  const deleted = makeColumn({ kind: 'bool' }, count, noNulls, none)
  const columns = [deleted, ...keys, ...evolveThrough(operator, forms, decodeRows(written.state, rows)).columns]
  const batch: Batch = { schema: template.schema, rows: count, columns }
  const groups = groupsOf(Uint16Array.from(at, i => page.groups[i] ?? 0))
  const parts = { operator, form, schemaId: formId(form), epoch: 0, since: 0, groups }
  return { operator, bytes: encodeBlock(template, batch, parts).bytes, form, superseded: null }
}

/** Entries lie by their key group. */
function groupsOf(of: Uint16Array): readonly GroupRows[] {
  const groups: GroupRows[] = []
  let from = 0
  for (let i = 1; i <= of.length; i++) {
    if (i < of.length && of[i] === of[from]) continue
    groups.push({ group: of[from] ?? 0, from, to: i })
    from = i
  }
  return groups
}
