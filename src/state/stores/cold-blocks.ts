/** Entries beyond memory as blocks, for who wants all rows: they come before the blocks of the epochs. */
import { type Batch, bitmapBytes, makeColumn, noNulls } from '../../batch/index.js'
import { type GroupRows, encodeBlock } from '../block.js'
import { type StateForm, blockTemplate, formId } from '../block-schema.js'
import { type ColdKey, type ColdRow } from '../cold.js'
import { decodeKeys } from '../key-decoder.js'
import { type StoredBlock } from '../restore.js'
import { decodeRows } from '../row-codec.js'
import { type ColdReader } from './cold-store.js'
import { type GroupRange } from './snapshot.js'

/** All entries of an operator, as blocks that are older than all others. */
export async function* coldBlocks(cold: ColdReader, operator: string, groups?: GroupRange): AsyncIterable<StoredBlock> {
  for await (const entries of cold.entries(operator, groups)) {
    const byForm = new Map<StateForm, (ColdKey & ColdRow)[]>()
    for (const entry of entries) byForm.set(entry.form, [...(byForm.get(entry.form) ?? []), entry])
    for (const [form, some] of byForm) yield blockOf(operator, form, some)
  }
}

function blockOf(operator: string, form: StateForm, entries: readonly (ColdKey & ColdRow)[]): StoredBlock {
  const keys = decodeKeys(form.key, entries.length, form.nullKeys, i => entries[i]?.key ?? new Uint8Array(0))
  const state = decodeRows(
    form.state,
    entries.map(({ row }) => row),
  )
  const template = blockTemplate(form)
  const none = { offsets: null, values: new Uint8Array(bitmapBytes(entries.length)), children: [] }
  const deleted = makeColumn({ kind: 'bool' }, entries.length, noNulls, none)
  const rows: Batch = {
    schema: template.schema,
    rows: entries.length,
    columns: [deleted, ...keys, ...state.columns],
  }
  const parts = { operator, form, schemaId: formId(form), epoch: 0, since: 0, groups: groupsOf(entries) }
  return { operator, bytes: encodeBlock(template, rows, parts).bytes, form, superseded: null }
}

/** Entries lie by their key group. */
function groupsOf(entries: readonly ColdKey[]): readonly GroupRows[] {
  const groups: GroupRows[] = []
  entries.forEach(({ group }, i) => {
    const last = groups.at(-1)
    if (last?.group === group) groups[groups.length - 1] = { ...last, to: i + 1 }
    else groups.push({ group, from: i, to: i + 1 })
  })
  return groups
}
