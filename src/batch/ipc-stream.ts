/** A whole Arrow stream file in memory: schema, batches, end. */
import { type Schema } from '../schema/index.js'
import { type Batch } from './column.js'
import { endOfStream, streamHeader } from './ipc-schema.js'
import { ipcSize, ipcTemplate, writeIpc } from './ipc-write.js'

/** The bytes of a file that holds these batches, which all have this schema; `metadata` stands in its schema message. */
export function arrowStream(
  schema: Schema,
  batches: readonly Batch[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const head = streamHeader(schema, metadata)
  const template = ipcTemplate(schema)
  const size = batches.reduce((sum, batch) => sum + ipcSize(template, batch), head.length)
  const bytes = new Uint8Array(size + endOfStream.length)
  bytes.set(head)
  const end = batches.reduce((at, batch) => at + writeIpc(template, batch, bytes, at), head.length)
  bytes.set(endOfStream, end)
  return bytes
}
