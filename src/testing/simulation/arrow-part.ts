/** A table of rows as part of a frame. */
import { type Batch, type IpcTemplate, ipcSize, ipcTemplate, writeIpc } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type TablePart } from '../../transport/index.js'

export function arrow(
  kind: TablePart['kind'],
  schemaId: number,
  batch: Batch,
  at = { operator: 0, output: 0 },
): TablePart {
  const template = templateOf(batch.schema)
  const write = (to: Uint8Array, from: number): void => void writeIpc(template, batch, to, from)
  return { kind, ...at, schemaId, rows: batch.rows, bytes: ipcSize(template, batch), write }
}

const templates = new WeakMap<Schema, IpcTemplate>()

function templateOf(schema: Schema): IpcTemplate {
  const template = templates.get(schema) ?? ipcTemplate(schema)
  templates.set(schema, template)
  return template
}
